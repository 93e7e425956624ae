"""字段用途登记 of accounts: why each column of accounts, sign-ins and the audit log is kept."""

from __future__ import annotations

from collections.abc import Mapping

from gis.models.purpose import (
    ACCOUNT,
    ADMINS,
    AUDITORS,
    LOGGED,
    NOBODY,
    SECURITY,
    Purpose,
    technical,
)

_ID = technical("内部编号 / internal number")
_FACTOR = Purpose("动态验证码 / codes beside the password", SECURITY, ACCOUNT, ADMINS)
_IDENTITY = Purpose("统一身份认证登录 / sign-in through OpenID Connect", SECURITY, ACCOUNT, ADMINS)
_SCREEN = Purpose("大屏登录 / sign-in of a wall", SECURITY, ACCOUNT, ADMINS)

ACCOUNTS: Mapping[str, Mapping[str, Purpose]] = {
    "accounts": {
        "id": _ID,
        "name": Purpose("登录与问责 / sign-in and accountability", SECURITY, ACCOUNT, ADMINS),
        "password_hash": Purpose("登录 / sign-in", SECURITY, ACCOUNT, NOBODY, protection="argon2 哈希 / argon2 hash"),
        "must_change_password": Purpose(
            "防止他人知晓的密码继续使用 / no password that others know", SECURITY, ACCOUNT, ADMINS
        ),
        "second_factor_at": Purpose("登录 / sign-in", SECURITY, ACCOUNT, ADMINS),
        "role": Purpose("权限 / rights", SECURITY, ACCOUNT, ADMINS),
        "disabled": Purpose("权限 / rights", SECURITY, ACCOUNT, ADMINS),
        "failed_logins": Purpose("防止猜密码 / against guessing", SECURITY, ACCOUNT, NOBODY),
        "locked_until": Purpose("防止猜密码 / against guessing", SECURITY, ACCOUNT, ADMINS),
        "created_at": Purpose("问责 / accountability", SECURITY, ACCOUNT, ADMINS),
        "version": technical("防止覆盖他人的修改 / no lost updates", ADMINS),
        "updated_at": technical("最近修改时间 / last change", ADMINS),
    },
    "account_grids": {
        "account_id": Purpose("谁负责哪个网格 / who looks after which grid", SECURITY, ACCOUNT, ADMINS),
        "grid_id": Purpose("谁负责哪个网格 / who looks after which grid", SECURITY, ACCOUNT, ADMINS),
        "valid_from": Purpose("谁负责哪个网格 / who looks after which grid", SECURITY, ACCOUNT, ADMINS),
        "valid_to": Purpose("谁负责哪个网格 / who looks after which grid", SECURITY, ACCOUNT, ADMINS),
    },
    "sessions": {
        "id": _ID,
        "account_id": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, ADMINS),
        "token_digest": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, NOBODY, protection="哈希 / hash"),
        "created_at": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, ADMINS),
        "last_seen_at": Purpose("超时退出 / time-out", SECURITY, LOGGED, ADMINS),
        "expires_at": Purpose("超时退出 / time-out", SECURITY, LOGGED, ADMINS),
        "revoked_at": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, ADMINS),
        "method": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, ADMINS),
        "second_factor": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, ADMINS),
        "address": Purpose("发现他人冒用 / to notice somebody else's sign-in", SECURITY, LOGGED, ADMINS),
        "screen_key_id": Purpose("登录状态 / sign-ins", SECURITY, LOGGED, ADMINS),
    },
    "second_factors": {
        "account_id": _FACTOR,
        "secret_sealed": Purpose(
            "动态验证码 / codes beside the password", SECURITY, ACCOUNT, NOBODY, protection="加密存储 / sealed"
        ),
        "confirmed_at": _FACTOR,
        "last_step": Purpose("验证码只用一次 / a code counts once", SECURITY, ACCOUNT, NOBODY),
        "created_at": _FACTOR,
    },
    "recovery_codes": {
        "account_id": _FACTOR,
        "digest": Purpose(
            "手机遗失时登录 / sign-in without the phone", SECURITY, ACCOUNT, NOBODY, protection="哈希 / hash"
        ),
    },
    "account_identities": {
        "issuer": _IDENTITY,
        "subject": _IDENTITY,
        "account_id": _IDENTITY,
        "linked_at": Purpose("问责 / accountability", SECURITY, ACCOUNT, ADMINS),
    },
    "screen_keys": {
        "id": _ID,
        "account_id": _SCREEN,
        "name": _SCREEN,
        "digest": Purpose("大屏登录 / sign-in of a wall", SECURITY, ACCOUNT, NOBODY, protection="哈希 / hash"),
        "created_at": _SCREEN,
        "last_used_on": Purpose("找出不再使用的密钥 / to find keys that nobody uses", SECURITY, ACCOUNT, ADMINS),
        "revoked_at": _SCREEN,
    },
    "audit_log": {
        name: Purpose(what, SECURITY, LOGGED, AUDITORS, protection="只增不改，逐条相连 / append-only, chained")
        for name, what in {
            "id": "记录编号 / number of the entry",
            "at": "何时 / when",
            "account_id": "何人 / who",
            "account": "何人 / who",
            "role": "何人 / who",
            "action": "何事 / what",
            "subject": "何事 / what",
            "detail": "何事，不含个人信息 / what, without values",
            "reason": "为何 / why",
            "address": "从何处 / from where",
            "request_id": "从何处 / from where",
            "previous": "防篡改 / against changes",
            "hash": "防篡改 / against changes",
        }.items()
    },
}
