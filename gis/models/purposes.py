"""字段用途登记: for what each personal column is kept, on which ground, for how long, and who sees it (PIPL, articles 6, 17, 19 and 28).

Every table is either listed in :data:`PURPOSES`, column by column, or in :data:`NOT_PERSONAL`; a test holds the tables to it, so that nobody adds a
personal column without saying what it is for.
"""

from __future__ import annotations

from collections.abc import Mapping

from gis.models.purpose import (
    ADMINS,
    CONSENT,
    DWELLING,
    LOGGED,
    NOBODY,
    RESIDENCE,
    SECURITY,
    SERVICE,
    WORKERS,
    Purpose,
)
from gis.models.purpose import technical as _technical
from gis.models.purposes_accounts import ACCOUNTS
from gis.models.purposes_casework import CASEWORK

_ID = _technical("内部编号 / internal number")
_VERSION = _technical("防止相互覆盖修改 / keeps changes from overwriting each other")
_UPDATED = _technical("最近修改时间 / time of the last change", WORKERS)
_SEALED = "加密存储，默认掩码，逐项查看并留痕 / sealed, masked, shown one by one and audited"
_IN_OFFICE = "任期内及其后的台账 / the time in office and the ledger of it"
_POSITION = Purpose(
    "分配网格、计算服务覆盖 / assignment to a grid, coverage of services",
    SERVICE,
    DWELLING,
    WORKERS,
    sensitive=True,
    protection="对外仅汇总且抑制小数 / outside only as aggregates with small cells suppressed",
)

PURPOSES: Mapping[str, Mapping[str, Purpose]] = {
    "households": {
        "id": _ID,
        "code": Purpose("一户一码，不含个人信息 / opaque code of the household", SERVICE, DWELLING, WORKERS),
        "building_id": Purpose("所在楼栋 / the building", SERVICE, DWELLING, WORKERS),
        "unit": Purpose("上门服务时找到住户 / finding the door", SERVICE, DWELLING, WORKERS),
        "room": Purpose("上门服务时找到住户 / finding the door", SERVICE, DWELLING, WORKERS),
        "own_position": _technical("位置的来源 / where the position comes from"),
        "geometry": _POSITION,
        "lon": _POSITION,
        "lat": _POSITION,
        "grid_id": Purpose("由谁负责 / who looks after it", SERVICE, DWELLING, WORKERS),
        "grid_reason": Purpose("未分配网格的原因 / why it is in no grid", SERVICE, DWELLING, WORKERS),
        "colour": Purpose(
            "三色走访的间隔（属自动化评价） / interval of visits; a form of profiling",
            SERVICE,
            RESIDENCE,
            WORKERS,
            sensitive=True,
            protection="不上大屏 / never on a wall screen",
        ),
        "colour_reason": Purpose("定色的理由 / why this colour", SERVICE, RESIDENCE, WORKERS, sensitive=True),
        "colour_confirmed_by": Purpose("由谁确认 / who confirmed it", SECURITY, RESIDENCE, WORKERS),
        "colour_confirmed_at": Purpose("何时确认 / when it was confirmed", SECURITY, RESIDENCE, WORKERS),
        "colour_expires_on": Purpose("到期须重新确认 / when it must be confirmed anew", SERVICE, RESIDENCE, WORKERS),
        "created_at": _technical("何时建档 / when the file was made", WORKERS),
        "version": _VERSION,
        "updated_at": _UPDATED,
    },
    "residents": {
        "id": _ID,
        "key": Purpose(
            "再次导入时辨认同一人 / recognising a person when a file comes again",
            SERVICE,
            RESIDENCE,
            NOBODY,
            protection="带密钥的哈希 / keyed hash",
        ),
        "entry_id": _technical("同一张表单重复提交时不重复登记 / the same form sent twice enters nobody twice"),
        "household_id": Purpose("属于哪一户 / the household", SERVICE, RESIDENCE, WORKERS),
        "birth_date": Purpose(
            "按年龄提供一老一小服务 / services by age",
            SERVICE,
            RESIDENCE,
            WORKERS,
            sensitive=True,
            protection="未满 14 岁不显示 / withheld for children under 14",
        ),
        "birth_year": Purpose("按年龄提供一老一小服务 / services by age", SERVICE, RESIDENCE, WORKERS),
        "sex": Purpose("称呼与健康服务 / address and health services", SERVICE, RESIDENCE, WORKERS),
        "name": Purpose(
            "联系与核对身份 / contact and identity",
            SERVICE,
            RESIDENCE,
            WORKERS,
            protection="未满 14 岁掩码 / masked for children under 14",
        ),
        "phone_sealed": Purpose("联系 / contact", SERVICE, RESIDENCE, WORKERS, protection=_SEALED),
        "phone_hash": Purpose(
            "按完整号码查找 / search by the whole number",
            SERVICE,
            RESIDENCE,
            NOBODY,
            protection="带密钥的哈希 / keyed hash",
        ),
        "id_number_sealed": Purpose(
            "办理须核验身份的事项 / errands that need proof of identity",
            CONSENT,
            RESIDENCE,
            WORKERS,
            sensitive=True,
            protection=_SEALED,
        ),
        "id_number_hash": Purpose(
            "按完整号码查找、避免重复登记 / search by the whole number, no double entry",
            CONSENT,
            RESIDENCE,
            NOBODY,
            protection="带密钥的哈希 / keyed hash",
        ),
        "care_flags": Purpose(
            "特殊关怀服务 / special care",
            CONSENT,
            RESIDENCE,
            WORKERS,
            sensitive=True,
            protection="对外仅汇总且抑制小数 / outside only as aggregates with small cells suppressed",
        ),
        "guardian_id": Purpose("未成年人的监护人 / guardian of a minor", CONSENT, RESIDENCE, WORKERS, sensitive=True),
        "guardian_name": Purpose("联系监护人 / reaching the guardian", CONSENT, RESIDENCE, WORKERS, sensitive=True),
        "guardian_phone_sealed": Purpose(
            "联系监护人 / reaching the guardian",
            CONSENT,
            RESIDENCE,
            WORKERS,
            sensitive=True,
            protection=_SEALED,
        ),
        "health_needs": Purpose(
            "健康类服务的种类，不含诊断 / kinds of help for health, no diagnosis",
            CONSENT,
            RESIDENCE,
            WORKERS,
            sensitive=True,
        ),
        "moved_in_on": Purpose("居住起始 / first day in the household", SERVICE, RESIDENCE, WORKERS),
        "created_at": _technical("何时建档 / when the file was made", WORKERS),
        "moved_out_on": Purpose(
            "停止服务并计算保留期限 / end of service, beginning of the retention time", SERVICE, RESIDENCE, WORKERS
        ),
        "version": _VERSION,
        "updated_at": _UPDATED,
    },
    "needs": {
        "id": _ID,
        "household_id": Purpose("谁提出的 / whose need", SERVICE, RESIDENCE, WORKERS),
        "service": Purpose("需要什么服务 / which service", SERVICE, RESIDENCE, WORKERS, sensitive=True),
        "note": Purpose(
            "办理需要的说明 / what is needed to meet it",
            SERVICE,
            "办结后按保留期限清除 / after it is met as the retention policy says",
            WORKERS,
            sensitive=True,
        ),
        "opened_on": Purpose("时限与统计 / time limits and statistics", SERVICE, RESIDENCE, WORKERS),
        "closed_on": Purpose("时限与统计 / time limits and statistics", SERVICE, RESIDENCE, WORKERS),
        "version": _VERSION,
        "updated_at": _UPDATED,
        "origin": Purpose("需求的来源 / where the need comes from", SERVICE, RESIDENCE, WORKERS),
        "result": Purpose("需求如何办结 / how it ended", SERVICE, RESIDENCE, WORKERS),
        "public_reply": Purpose(
            "公开答复，不写姓名 / public reply; names nobody", SERVICE, RESIDENCE, "所有账号 / all accounts"
        ),
        "replied_on": Purpose(
            "公开答复的日期 / day of the public reply", SERVICE, RESIDENCE, "所有账号 / all accounts"
        ),
        "created_at": Purpose("同日需求的先后 / which need of a day came first", SERVICE, RESIDENCE, WORKERS),
    },
    "building_chiefs": {
        "id": _ID,
        "building_id": Purpose("负责哪个楼栋 / which building", SERVICE, _IN_OFFICE, WORKERS),
        "resident_id": Purpose("本人档案，删除时一并删除 / own file; erased with it", SERVICE, _IN_OFFICE, WORKERS),
        "name": Purpose("联系 / contact", CONSENT, _IN_OFFICE, WORKERS),
        "phone_sealed": Purpose("联系 / contact", CONSENT, _IN_OFFICE, WORKERS, protection=_SEALED),
        "valid_from": Purpose("任期 / time in office", SERVICE, _IN_OFFICE, WORKERS),
        "valid_to": Purpose("任期 / time in office", SERVICE, _IN_OFFICE, WORKERS),
        "version": _VERSION,
        "updated_at": _UPDATED,
    },
    "contacts": {
        "id": _ID,
        "grid_id": _technical("由哪个网格维护 / whose workers keep the entry", WORKERS),
        "name": Purpose("联系 / contact", CONSENT, _IN_OFFICE, WORKERS),
        "organisation": Purpose("联系 / contact", CONSENT, _IN_OFFICE, WORKERS),
        "phone_sealed": Purpose("联系 / contact", CONSENT, _IN_OFFICE, WORKERS, protection=_SEALED),
        "version": _VERSION,
        "updated_at": _UPDATED,
    },
    "household_contacts": {
        "id": _ID,
        "household_id": Purpose("包户台账 / ledger of who keeps in touch with whom", SERVICE, RESIDENCE, WORKERS),
        "contact_id": Purpose("包户台账 / ledger of who keeps in touch with whom", SERVICE, RESIDENCE, WORKERS),
        "valid_from": Purpose("包户台账 / ledger of who keeps in touch with whom", SERVICE, RESIDENCE, WORKERS),
        "valid_to": Purpose("包户台账 / ledger of who keeps in touch with whom", SERVICE, RESIDENCE, WORKERS),
    },
    "residencies": {
        "id": _ID,
        "resident_id": Purpose("迁移记录 / where somebody lived before", SERVICE, RESIDENCE, WORKERS, sensitive=True),
        "household_id": Purpose("迁移记录 / where somebody lived before", SERVICE, RESIDENCE, WORKERS, sensitive=True),
        "from_on": Purpose("迁移记录 / where somebody lived before", SERVICE, RESIDENCE, WORKERS),
        "until_on": Purpose("迁移记录 / where somebody lived before", SERVICE, RESIDENCE, WORKERS),
    },
    "household_addresses": {
        "id": _ID,
        "household_id": Purpose("迁移记录 / where the household lived before", SERVICE, RESIDENCE, WORKERS),
        "building_id": Purpose("迁移记录 / where the household lived before", SERVICE, RESIDENCE, WORKERS),
        "unit": Purpose("迁移记录 / where the household lived before", SERVICE, RESIDENCE, WORKERS),
        "room": Purpose("迁移记录 / where the household lived before", SERVICE, RESIDENCE, WORKERS),
        "from_on": Purpose("迁移记录 / where the household lived before", SERVICE, RESIDENCE, WORKERS),
        "until_on": Purpose("迁移记录 / where the household lived before", SERVICE, RESIDENCE, WORKERS),
    },
    "history": {
        "id": _ID,
        "at": Purpose("何时修改 / when a file was changed", SECURITY, RESIDENCE, WORKERS),
        "account_id": Purpose("谁修改的 / who changed it", SECURITY, RESIDENCE, WORKERS),
        "account": Purpose("谁修改的 / who changed it", SECURITY, RESIDENCE, WORKERS),
        "household_id": Purpose("哪一户 / which household", SECURITY, RESIDENCE, WORKERS),
        "resident_id": Purpose(
            "哪位居民，删除时一并删除 / which resident; erased with them", SECURITY, RESIDENCE, WORKERS
        ),
        "subject": Purpose("哪一类 / what kind of thing", SECURITY, RESIDENCE, WORKERS),
        "subject_id": Purpose("哪一项 / which thing", SECURITY, RESIDENCE, WORKERS),
        "changes": Purpose(
            "改前与改后的值 / values before and after",
            SECURITY,
            RESIDENCE,
            WORKERS,
            sensitive=True,
            protection="加密字段与备注不记值 / no values of sealed fields and notes",
        ),
    },
    "household_confirmations": {
        "household_id": Purpose("属于哪一户 / the household", SERVICE, DWELLING, WORKERS),
        "confirmed_by": Purpose("由谁核对无变化 / who found it unchanged", SECURITY, DWELLING, WORKERS),
        "confirmed_at": Purpose(
            "资料最近何时核对过（只留最近一次） / when the file was last found true; the last time alone",
            SERVICE,
            DWELLING,
            WORKERS,
        ),
    },
    "door_codes": {
        "id": _ID,
        "household_id": Purpose("哪一户 / which household", SERVICE, DWELLING, WORKERS),
        "code": Purpose(
            "门牌码，随机，不含个人信息 / code on the door: random, carries nothing personal",
            SERVICE,
            DWELLING,
            WORKERS,
        ),
        "issued_at": _technical("何时发放 / when it was issued", WORKERS),
        "revoked_at": _technical("何时作废 / when it was revoked", WORKERS),
    },
    "imports": {
        "id": _ID,
        "kind": _technical("导入了什么 / what was imported", ADMINS),
        "file_name": _technical("导入了什么 / what was imported", ADMINS),
        "sha256": _technical("核对文件 / telling files apart", ADMINS),
        "crs": _technical("核对坐标系 / which coordinate system", ADMINS),
        "dry_run": _technical("是否只检查 / whether it was a rehearsal", ADMINS),
        "state": _technical("进展 / how it stands", ADMINS),
        "read": _technical("进展 / how it stands", ADMINS),
        "loaded": _technical("进展 / how it stands", ADMINS),
        "rejected": _technical("进展 / how it stands", ADMINS),
        "progress": _technical("进展 / how it stands", ADMINS),
        "errors": _technical("错误位置，不含个人信息 / where the faults are, without values", ADMINS),
        "notices": _technical("提示，不含个人信息 / notices, without values", ADMINS),
        "size_bytes": _technical("核对文件 / telling files apart", ADMINS),
        "attempts": _technical("进展 / how it stands", ADMINS),
        "account_id": Purpose("由谁导入 / by whom", SECURITY, LOGGED, ADMINS),
        "created_at": _technical("进展 / how it stands", ADMINS),
        "started_at": _technical("进展 / how it stands", ADMINS),
        "finished_at": _technical("进展 / how it stands", ADMINS),
    },
    "import_pieces": {
        "id": _ID,
        "import_id": _technical("属于哪次导入 / which import it belongs to", NOBODY),
        "part": _technical("文件或被拒的行 / the file, or its rejected rows", NOBODY),
        "number": _technical("先后 / its place in the file", NOBODY),
        "sealed": Purpose(
            "等待导入的文件；改正后重新导入 / the file until it has been read; rejected rows to correct and import again",
            SERVICE,
            "文件读完即删，被拒的行 30 天 / the file until it has been read, rejected rows 30 days",
            ADMINS,
            sensitive=True,
            protection="加密存储 / sealed",
        ),
    },
    **ACCOUNTS,
    **CASEWORK,
}
"""Of each personal table, the purpose of each column."""

NOT_PERSONAL = frozenset(
    {
        "areas",
        "audit_head",
        "backdrop",
        "buildings",
        "changes",
        "compounds",
        "desks",
        "event_days",
        "event_limits",
        "field_keys",
        "field_secrets",
        "grid_counts",
        "grid_counts_due",
        "grids",
        "merchants",
        "need_marks",
        "place",
        "project_duties",
        "project_resources",
        "projects",
        "renovations",
        "resources",
        "role_policies",
        "shape_marks",
        "station_services",
        "stations",
        "street_units",
        "streets",
        "things",
        "visit_policy",
    }
)
"""Tables without a personal column."""


def as_markdown() -> str:
    """Return the record as a document: ``docs/purposes.md`` is this text."""
    lines = [
        "# 字段用途登记 / Purpose of each personal field",
        "",
        "Made by `linli purposes` from `gis/models/purposes.py`. ★ marks sensitive personal information (PIPL, article 28).",
    ]
    for table, columns in PURPOSES.items():
        lines += [
            "",
            f"## {table}",
            "",
            "| field | purpose | ground | kept | seen by | protection |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for name, each in columns.items():
            mark = " ★" if each.sensitive else ""
            lines.append(
                f"| `{name}`{mark} | {each.purpose} | {each.ground} | {each.kept} | {each.seen_by} | {each.protection or '–'} |"
            )
    return "\n".join(lines) + "\n"
