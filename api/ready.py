"""Whether this process can answer well: it is not ending, the database answers and is of its version, the place is loaded, and its caches follow."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.desk import Office

PATIENCE_S = 2.5
"""How long to wait for what may just be loading, and for the listener, which may just be connecting again, before saying no."""


def why_not_ready(office: Office) -> str | None:
    """Return the reason not to send requests here, 中文 / English; None where there is none."""
    store = office.store
    if office.feed.ending:
        return "服务正在停止 / the service is ending"
    try:
        if not store.is_current():
            return "数据库与程序版本不一致，请用新程序启动 linli serve 升级 / the database is not at the program's version: run linli serve of the newest program to migrate it"
        with store.service_engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "数据库暂不可用 / the database does not answer"
    if not office.warm.wait(PATIENCE_S):
        return "正在载入数据 / the place is being loaded"
    if not office.feed.wait_until_following(PATIENCE_S):
        return "缓存落后于数据库：收不到变更通知 / the caches are behind the database: its notices do not arrive"
    return None
