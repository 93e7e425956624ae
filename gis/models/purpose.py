"""What is said of a personal column, and the phrases that many columns share."""

from __future__ import annotations

from dataclasses import asdict, dataclass

WORKERS = "本网格的网格员、管理员 / workers of the grid, admins"
ADMINS = "管理员 / admins"
NOBODY = "无人，仅供程序使用 / nobody, the program's own use"
AUDITORS = "审计员 / auditors"

SERVICE = "社区服务与治理的法定职责 / statutory duty of neighbourhood service"
SECURITY = "安全与问责（等级保护） / security and accountability (MLPS 2.0)"
CONSENT = "本人或监护人同意 / consent of the person or the guardian"

RESIDENCE = "居住期间，迁出后按保留期限删除 / while living here; after moving out as the retention policy says"
DWELLING = "住房存续期间 / as long as the dwelling stands"
LOGGED = "至少六个月 / at least six months"
ACCOUNT = "账号存续期间 / as long as the account exists"


@dataclass(frozen=True)
class Purpose:
    """Why a column is kept: texts are 中文 / English."""

    purpose: str
    ground: str
    kept: str
    seen_by: str
    sensitive: bool = False
    """Sensitive personal information in the sense of PIPL, article 28: health, whereabouts, all of children under 14."""
    protection: str = ""
    """What is done beyond access by role: sealed, masked, hashed."""

    def as_dict(self) -> dict[str, str | bool]:
        """Return the entry as plain values."""
        return asdict(self)


def technical(purpose: str, seen_by: str = NOBODY) -> Purpose:
    return Purpose(purpose, SERVICE, RESIDENCE, seen_by)
