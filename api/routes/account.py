"""The caller's own account: password, second factor, sessions."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from api.answers import Json
from api.desk import AtDesk, Desk
from api.openapi import problems
from api.schemas_accounts import (
    CodeIn,
    Ended,
    EnrolmentOut,
    FullProof,
    OwnAccount,
    OwnPassword,
    Proof,
    RecoveryCodes,
    SessionsListed,
)
from api.security import everyone
from gis.errors import Denied
from gis.services import second_factor
from gis.services.accounts import change_own_password
from gis.services.sign_ins import list_sessions, revoke_all, revoke_session
from gis.services.signing_in import Refused, own_account, prove_again, show_code, wrong_code
from gis.store.auditing import note

router = APIRouter(tags=["我的账号 / my account"])


@router.get(
    "/api/account",
    summary="我的账号 / my account",
    response_model=OwnAccount,
    dependencies=[everyone("code", "password", "second_factor")],
)
def my_account(desk: AtDesk) -> Json:
    """Return what the caller's account has and what it still owes."""
    return Json(own(desk))


@router.put(
    "/api/account/password",
    summary="修改密码 / change my password",
    status_code=204,
    responses=problems(401, 429),
    dependencies=[everyone("password", "second_factor")],
)
def change_password(desk: AtDesk, given: OwnPassword) -> Response:
    """Change the password; every other session ends. The present one is asked for, whatever the session."""
    _no_key(desk)
    with desk.session() as session:
        account = own_account(session, desk.account.account_id)
        refused = prove_again(session, account, desk.office.sessions.now(), password=given.current)
        if refused is None:
            change_own_password(session, account, given.new, keep=desk.account.session_id)
    return _done(desk, refused)


@router.post(
    "/api/account/second-factor",
    summary="生成两步验证二维码 / begin a second factor",
    response_model=EnrolmentOut,
    responses=problems(401, 409, 429),
    dependencies=[everyone("second_factor")],
)
def begin_second_factor(desk: AtDesk, given: Proof) -> Json:
    """Return a new secret as text, as otpauth address and as QR code; it counts after ``confirm``."""
    _no_key(desk)
    with desk.session() as session:
        account = own_account(session, desk.account.account_id)
        refused = prove_again(session, account, desk.office.sessions.now(), password=given.password)
        begun = refused or second_factor.begin(session, account)
    if isinstance(begun, Refused):
        raise begun.error
    return Json({"secret": begun.secret, "uri": begun.uri, "qr_svg": begun.qr_svg})


@router.post(
    "/api/account/second-factor/confirm",
    summary="启用两步验证 / turn the second factor on",
    response_model=RecoveryCodes,
    responses=problems(401, 409),
    dependencies=[everyone("second_factor")],
)
def confirm_second_factor(desk: AtDesk, given: CodeIn) -> Json:
    """Turn it on with a first code. The answer holds the recovery codes, this once. Every other session ends."""
    _no_key(desk)
    now = desk.office.sessions.now()
    with desk.session() as session:
        account = own_account(session, desk.account.account_id)
        codes = second_factor.confirm(session, account, given.code, now)
        if codes is not None:
            revoke_all(session, account.id, keep=desk.account.session_id)
            second_factor.mark_shown(session, desk.account.session_id)
    if codes is None:
        raise wrong_code()
    desk.office.sessions.forget()
    return Json({"recovery_codes": codes})


@router.post(
    "/api/account/second-factor/recovery-codes",
    summary="更换恢复码 / new recovery codes",
    response_model=RecoveryCodes,
    responses=problems(401, 429),
    dependencies=[everyone()],
)
def renew_recovery_codes(desk: AtDesk, given: CodeIn) -> Json:
    """Replace the recovery codes; the answer holds the new ones, this once."""
    _no_key(desk)
    now, account_id = desk.office.sessions.now(), desk.account.account_id
    with desk.session() as session:
        outcome = show_code(session, account_id, desk.token, given.code, now)
        codes = []
        if not isinstance(outcome, Refused):
            account = own_account(session, account_id)
            codes = second_factor.new_recovery_codes(session, account)
            note(session, "account.recovery_codes", f"account:{account.name}")
    if isinstance(outcome, Refused):
        raise outcome.error
    return Json({"recovery_codes": codes})


@router.post(
    "/api/account/second-factor/remove",
    summary="停用两步验证 / remove my second factor",
    status_code=204,
    responses=problems(401, 409, 429),
    dependencies=[everyone()],
)
def remove_second_factor(desk: AtDesk, given: FullProof) -> Response:
    """Remove it, after password and code. Where the role must have one, a new one has to be set up at once."""
    _no_key(desk)
    with desk.session() as session:
        account = own_account(session, desk.account.account_id)
        refused = prove_again(session, account, desk.office.sessions.now(), password=given.password, code=given.code)
        if refused is None:
            second_factor.remove(session, account)
            revoke_all(session, account.id, keep=desk.account.session_id)
            second_factor.mark_shown(session, desk.account.session_id, None)
    return _done(desk, refused)


@router.get(
    "/api/account/sessions",
    summary="我的登录 / my sessions",
    response_model=SessionsListed,
    dependencies=[everyone()],
)
def my_sessions(desk: AtDesk) -> Json:
    """Return the caller's sessions that are in force: since when, from where, how, last used."""
    with desk.session() as session:
        now, own_id = desk.office.sessions.now(), desk.account.session_id
        return Json({"items": list_sessions(session, desk.account.account_id, now, own=own_id, exact=True)})


@router.delete(
    "/api/account/sessions",
    summary="结束其他登录 / end my other sessions",
    response_model=Ended,
    dependencies=[everyone()],
)
def end_my_other_sessions(desk: AtDesk) -> Json:
    """End every session of the caller but this one."""
    _no_key(desk)
    with desk.session() as session:
        ended = revoke_all(session, desk.account.account_id, keep=desk.account.session_id)
        note(session, "session.revoke", f"account:{desk.account.name}", detail={"sessions": ended})
    desk.office.sessions.forget()
    return Json({"ended": ended})


@router.delete(
    "/api/account/sessions/{session_id}",
    summary="结束一次登录 / end one of my sessions",
    status_code=204,
    responses=problems(404),
    dependencies=[everyone()],
)
def end_my_session(desk: AtDesk, session_id: UUID) -> Response:
    """End one of the caller's sessions."""
    _no_key(desk)
    with desk.session() as session:
        revoke_session(session, desk.account.account_id, session_id, desk.account.name)
    desk.office.sessions.forget()
    return Response(status_code=204)


def own(desk: Desk) -> dict[str, object]:
    """Return the caller's own account as the page and the interface show it."""
    with desk.session() as session:
        account = own_account(session, desk.account.account_id)
        return {
            "name": account.name,
            "role": account.role,
            "method": desk.account.method,
            "needs": desk.account.pending,
            "has_password": account.password_hash is not None,
            "second_factor_at": account.second_factor_at,
            "second_factor_required": account.role in second_factor.required_roles(session),
            "recovery_codes_left": second_factor.recovery_codes_left(session, account.id),
        }


def _no_key(desk: Desk) -> None:
    """Refuse a wall: whoever finds its key or its browser must not change the account.

    Raises:
        Denied: a screen key stands for the account.
    """
    if desk.account.method == "key":
        raise Denied("大屏密钥不能修改账号 / a screen key cannot change an account")


def _done(desk: Desk, refused: Refused | None) -> Response:
    """Answer what was proven again, after the count of failures has been committed."""
    if refused is not None:
        raise refused.error
    desk.office.sessions.forget()
    return Response(status_code=204)
