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


class TooMany(LinliError):
    """Tried too often."""

    title = "尝试过于频繁 / tried too often"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(LinliError):
    """Something linli needs is not there; the detail names it and the command that brings it."""

    title = "服务暂不可用 / unavailable"
