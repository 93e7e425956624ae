"""What can go wrong, in words for the user: each error says what, where and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault of an input: ``where`` names the place (file, row, column, field), ``message`` what is wrong and what to do."""

    where: str
    message: str


class LinliError(Exception):
    """The root of all errors that a user may cause; ``str(error)`` is fit to be shown, 中文 / English."""

    title = "出错 / error"
    needs: str | None = None
    """What the caller has to bring for the same call to work, for programs: ``code``, ``password``, ``second_factor``."""

    def __init__(self, detail: str, faults: list[Fault] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults or []


class Invalid(LinliError):
    """The input is wrong."""

    title = "输入有误 / invalid input"


class NotFound(LinliError):
    """There is no such thing, or the account may not know of it."""

    title = "未找到 / not found"


class Conflict(LinliError):
    """What is asked for contradicts what is there."""

    title = "冲突 / conflict"


class Stale(LinliError):
    """The thing has been changed since the caller read it."""

    title = "内容已被他人修改 / changed since you read it"


class Denied(LinliError):
    """The account may not do this."""

    title = "没有权限 / not allowed"


class Unauthenticated(LinliError):
    """Nobody is signed in, or the sign-in has ended."""

    title = "请先登录 / sign in first"


class CodeNeeded(Unauthenticated):
    """The password was right, and a code of the second factor is needed, too; or the code was wrong."""

    title = "需要验证码 / a code is needed"
    needs = "code"

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail
            or "请输入验证器上的 6 位验证码，或一个恢复码 / enter the 6-digit code of your generator, or a recovery code (field code)"
        )


class Unfinished(Denied):
    """Signed in, but something has to be done before anything else works."""

    title = "请先完成账号设置 / finish your account first"

    def __init__(self, needs: str) -> None:
        super().__init__(_UNFINISHED[needs])
        self.needs = needs


_UNFINISHED = {
    "code": "请先输入验证码 / enter the code of your second factor first (POST /api/session/code)",
    "password": "请先修改密码 / change your password first (PUT /api/account/password)",
    "second_factor": "您的角色必须启用两步验证，请先设置 / your role must have a second factor: set it up first (POST /api/account/second-factor)",
}


class TooMany(LinliError):
    """Tried too often."""

    title = "尝试过于频繁 / tried too often"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(LinliError):
    """Something linli needs is not there; the detail names it and the command that brings it."""

    title = "服务暂不可用 / unavailable"
