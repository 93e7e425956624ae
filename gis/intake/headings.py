"""Headings: which column of a file is which, in English or Chinese, by one table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from gis.errors import Fault, Invalid
from gis.intake.report import MARKS

_SHOWN, _SHOWN_LETTERS = 30, 60
GEOMETRY = "geometry"
"""The column that holds a geometry as WKT in a table."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "code": ("编码", "编号", "代码", "唯一编码", "id"),
    "name": ("名称", "名字"),
    "level": ("级别", "层级", "等级", "区划级别"),
    "kind": ("类别", "类型", "种类"),
    "lon": ("经度", "longitude", "lng", "long", "x", "x坐标", "东坐标"),
    "lat": ("纬度", "latitude", "y", "y坐标", "北坐标"),
    GEOMETRY: ("几何", "wkt", "geom", "图形", "wkt_geometry"),
    "compound": ("小区", "小区编码", "小区代码", "compound_code", "所属小区"),
    "building": ("楼栋", "楼栋编码", "楼栋代码", "楼栋编号", "building_code", "所属楼栋"),
    "household": ("户", "户编码", "户代码", "户编号", "住户编码", "household_code", "一户一码", "所属户"),
    "floors": ("层数", "楼层数", "地上层数", "levels"),
    "units": ("单元数",),
    "unit": ("单元", "单元号"),
    "room": ("室", "室号", "房号", "房间号", "门牌", "户室"),
    "colour": ("颜色", "三色", "color", "三色等级", "关爱等级", "颜色等级"),
    "birth_date": ("出生日期", "生日", "birthday", "date_of_birth", "出生年月日"),
    "birth_year": ("出生年份", "出生年", "year_of_birth"),
    "sex": ("性别", "gender"),
    "phone": ("电话", "手机", "手机号", "手机号码", "联系电话", "电话号码", "mobile", "telephone"),
    "id_number": ("身份证", "身份证号", "身份证号码", "公民身份号码", "证件号码", "证件号"),
    "guardian_name": ("监护人", "监护人姓名", "guardian"),
    "guardian_phone": ("监护人电话", "监护人手机", "监护人手机号", "监护人联系电话"),
    "care_flags": ("特殊关怀标识", "关怀标识", "特殊关怀", "关怀类型", "特殊人群", "care"),
    "services": ("服务", "服务事项", "服务内容", "服务项目"),
    "capacity": ("容量", "服务容量", "接待能力"),
    "service": ("服务事项", "服务", "服务类别", "需求类别", "需求类型", "需求事项", "service_kind"),
    "opened_on": ("提出日期", "提出时间", "登记日期", "开始日期", "opened", "open_date"),
    "closed_on": ("办结日期", "办结时间", "完成日期", "结束日期", "closed", "close_date"),
    "note": ("备注", "说明", "内容", "需求内容"),
    "foot": ("步行", "可步行", "行人"),
    "bridge": ("桥", "桥梁", "是否桥梁"),
    "tunnel": ("隧道", "是否隧道"),
    "layer": ("层", "图层", "立交层"),
    "property_arrangement": ("物业", "物业管理", "物业方式", "物业类型", "property"),
    "committee": ("业委会", "业主委员会", "物管会", "owners_committee"),
    "renovation": ("改造", "改造状态", "改造情况", "老旧小区改造"),
    "state": ("状态", "status"),
    "street": ("街道", "街路", "路名", "所在街道", "所属街区", "沿街"),
    "organisation": ("单位", "工作单位", "所属单位", "组织", "organization"),
    "valid_from": ("开始日期", "起始日期", "开始时间", "起", "自", "from", "start", "start_date"),
    "valid_to": ("结束日期", "终止日期", "结束时间", "止", "至", "to", "until", "end", "end_date"),
    "started_on": ("开工日期", "开工时间", "started", "start_date"),
    "finished_on": ("完工日期", "完工时间", "竣工日期", "finished", "end_date"),
}
"""Words for a column, whatever the kind of import."""

OWN_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "areas": {
        "code": (
            "区划编码",
            "区划代码",
            "行政区划代码",
            "统计用区划代码",
            "社区编码",
            "area",
            "area_code",
            "adcode",
        ),
        "name": ("区划名称", "社区", "社区名称", "街道", "街道名称", "area_name"),
        "level": ("类型", "类别"),
    },
    "grids": {
        "code": ("网格", "网格编码", "网格代码", "网格编号", "grid", "grid_code"),
        "name": ("网格名称", "grid_name"),
    },
    "compounds": {
        "code": ("小区", "小区编码", "小区代码", "小区编号", "compound", "compound_code"),
        "name": ("小区名称", "compound_name"),
    },
    "buildings": {
        "code": ("楼栋", "楼栋编码", "楼栋代码", "楼栋编号", "building", "building_code"),
        "name": ("楼栋名称", "building_name", "地址"),
    },
    "households": {"code": ("户", "户编码", "户代码", "户编号", "住户编码", "household", "household_code", "一户一码")},
    "residents": {"name": ("姓名", "居民姓名")},
    "stations": {
        "code": ("站点", "站点编码", "站点代码", "站点编号", "station", "station_code"),
        "name": ("站点名称", "station_name"),
        "kind": ("站点类别", "站点类型", "station_kind"),
    },
    "streets": {
        "code": ("道路编码", "osm_id", "@id", "full_id"),
        "name": ("道路名称", "路名", "街道名称"),
        "kind": ("class", "highway", "fclass", "道路等级", "道路类别", "道路类型"),
    },
    "needs": {},
    "renovation": {"compound": ("小区", "小区编号"), "state": ("改造状态", "改造进度", "改造情况", "进度")},
    "street_units": {"code": ("街区", "街区编码", "街区编号"), "name": ("街区名称",), "kind": ("街区类型", "街区类别")},
    "merchants": {
        "code": ("商户", "商户编码", "商户编号", "merchant", "merchant_code"),
        "name": ("商户名称", "店名", "招牌名称"),
        "kind": ("业态", "行业", "商户类型", "经营类别"),
        "state": ("经营状态", "营业状态"),
    },
    "things": {
        "code": ("设施编码", "设施编号", "部件编码", "部件编号", "设备编号"),
        "name": ("设施名称", "部件名称", "设备名称"),
        "kind": ("设施类型", "设施类别", "部件类型", "部件类别", "设备类型"),
        "state": ("设施状态", "设备状态", "部件状态"),
    },
    "chiefs": {
        "name": ("姓名", "楼栋长", "楼长", "楼栋长姓名", "chief"),
        "valid_from": ("任职日期", "上任日期"),
        "valid_to": ("卸任日期", "离任日期"),
    },
    "contacts": {
        "name": ("姓名", "联系人", "联系人姓名", "包户联系人", "包户干部", "contact"),
        "valid_from": ("包户日期", "包户开始日期"),
        "valid_to": ("包户结束日期",),
    },
    "backdrop": {"code": ("osm_id", "@id", "full_id"), "kind": ("class", "fclass")},
}
"""Words that mean a column only in one kind of import; they go before the common ones."""


@dataclass(frozen=True)
class Layout:
    """Which heading is which column.

    ``position`` gives the index of the heading of each column that the file has; ``ignored`` names the headings that mean nothing here.
    """

    headings: Sequence[str]
    position: dict[str, int]
    ignored: list[str] = field(default_factory=list)

    def has(self, column: str) -> bool:
        """Tell whether the file has a column."""
        return column in self.position

    def title(self, column: str) -> str:
        """Return how the file calls a column."""
        return self.headings[self.position[column]] if column in self.position else column

    def original(self) -> list[int]:
        """Return the indices of the headings that belong to the user: not those that linli adds to rejected rows."""
        marks = {_plain(mark) for mark in MARKS}
        return [i for i, heading in enumerate(self.headings) if _plain(heading) not in marks]


def count_known(kind: str, columns: Sequence[str], cells: Sequence[str]) -> int:
    """Return how many of some cells are headings of a kind of import."""
    words = _words(kind, columns)
    return sum(_plain(cell) in words for cell in cells)


def read_headings(kind: str, columns: Sequence[str], headings: Sequence[str], name: str) -> Layout:
    """Return which heading is which column.

    Args:
        kind: the kind of import.
        columns: the columns of that kind.
        headings: the file's headings.
        name: how to call the file in messages.

    Raises:
        Invalid: two headings mean the same column and neither is called exactly so.
    """
    words = _words(kind, columns)
    candidates: dict[str, list[int]] = {}
    ignored = []
    for i, heading in enumerate(headings):
        plain = _plain(heading)
        if plain in words:
            candidates.setdefault(words[plain], []).append(i)
        elif plain and plain not in {_plain(mark) for mark in MARKS}:
            ignored.append(heading)
    position, faults = {}, []
    for column, places in candidates.items():
        exact = [i for i in places if _plain(headings[i]) == _plain(column)]
        if len(places) > 1 and len(exact) != 1:
            titles = listed_headings([headings[i] for i in places])
            message = f"{titles} 都表示 {column}，只留一列 / {titles} all mean {column}: keep one of them"
            faults.append(Fault(f"{name}:{column}", message))
        position[column] = exact[0] if exact else places[0]
        ignored.extend(headings[i] for i in places if i != position[column])
    if faults:
        raise Invalid(f"{name} 的标题行有歧义 / the headings of {name} are ambiguous", faults)
    return Layout(headings, position, ignored)


def listed_headings(headings: Sequence[str]) -> str:
    """Return some headings for a message, as many as a person reads."""
    shown = [
        heading if len(heading) <= _SHOWN_LETTERS else heading[:_SHOWN_LETTERS] + "…"
        for heading in headings
        if heading.strip()
    ]
    return "、".join(shown[:_SHOWN]) + ("…" if len(shown) > _SHOWN else "") if shown else "—"


def _words(kind: str, columns: Sequence[str]) -> dict[str, str]:
    """Return every word for the columns of a kind; a kind's own words win, and a column's own name wins over all."""
    words: dict[str, str] = {}
    for column in columns:
        for word in SYNONYMS.get(column, ()):
            words.setdefault(_plain(word), column)
    for column, own in OWN_WORDS.get(kind, {}).items():
        words.update({_plain(word): column for word in own})
    words.update({_plain(column): column for column in columns})
    return words


def _plain(heading: str) -> str:
    """Return a heading without what does not matter: case, width, blanks, marks, and a unit in brackets."""
    text = unicodedata.normalize("NFKC", heading).lower()
    text = re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", text)
    return re.sub(r"[\s_\-*:·\ufeff\u200b]", "", text)
