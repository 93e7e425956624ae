from __future__ import annotations

import errno

import orjson
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from starlette.exceptions import HTTPException

from api.desk import AtDesk
from api.errors import STATUS, PreconditionRequired, answer
from api.security import everyone
from gis import errors
from gis.errors import Fault, LinliError
from gis.services.memory import Overtaken, steady
from gis.store.session import Store
from tests.api.conftest import SignIn


def body(error: Exception) -> dict[str, object]:
    return orjson.loads(answer(error, "abc").body)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.AdminShutdown("x"),
        psycopg.errors.DiskFull("x"),
        psycopg.errors.LockNotAvailable("x"),
        psycopg.errors.InternalError_("could not write block"),
        psycopg.errors.DeadlockDetected("x"),
        psycopg.OperationalError("server closed the connection"),
        PendingRollbackError("Can't reconnect until invalid transaction is rolled back."),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_what_passes_by_itself_asks_to_come_again(error: Exception) -> None:
    errors_ = [error]
    if isinstance(error, psycopg.Error):
        errors_.append(DBAPIError.instance("SELECT 1", {}, error, psycopg.Error))
    elif isinstance(error, OSError):
        broken = HTTPException(400, "There was an error parsing the body")
        broken.__cause__ = error
        errors_.append(broken)
    for each in errors_:
        answered = answer(each, "abc")
        assert answered.status_code == 503, each
        assert answered.headers["retry-after"] == "2"
        assert " / " in orjson.loads(answered.body)["detail"]


def test_every_error_of_the_domain_has_a_status() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LinliError)}
    assert kinds - {LinliError} <= STATUS.keys()


def test_a_problem_names_what_and_where() -> None:
    response = answer(errors.Invalid("坏 / bad", [Fault("body.x", "错 / wrong")]), "abc")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert body(errors.Invalid("坏 / bad", [Fault("body.x", "错 / wrong")])) == {
        "type": "about:blank",
        "title": "输入有误 / invalid input",
        "status": 422,
        "detail": "坏 / bad",
        "errors": [{"where": "body.x", "message": "错 / wrong"}],
    }


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (errors.TooMany("慢 / slow", 17), 429, {"retry-after": "17"}),
        (errors.Unavailable("无 / none"), 503, {"retry-after": "2"}),
        (errors.Unauthenticated("谁 / who"), 401, {"www-authenticate": "Bearer"}),
        (PreconditionRequired("缺 / missing"), 428, {}),
        (errors.Stale("旧 / stale"), 412, {}),
    ],
)
def test_status_and_headers(error: LinliError, status: int, headers: dict[str, str]) -> None:
    response = answer(error, "abc")
    assert response.status_code == status
    assert headers.items() <= dict(response.headers).items()


def test_a_kind_of_error_made_later_answers_as_what_it_is_a_kind_of() -> None:
    class AssetsMissing(errors.Unavailable):
        pass

    assert answer(AssetsMissing("缺 / missing"), "abc").status_code == 503


def test_our_own_faults_stay_opaque() -> None:
    found = body(ValueError("张三 13800001234"))
    assert found["status"] == 500
    assert found["request_id"] == "abc"
    assert "13800001234" not in str(found)


def test_the_log_of_a_failure_has_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("张三 13800001234")
    except ValueError as error:
        answer(error, "abc")
    written = "".join(capsys.readouterr())
    assert "ValueError" in written
    assert "test_errors.py" in written
    assert "13800001234" not in written


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("INSERT INTO place (id) VALUES (1), (1)", 409),
        ("SELECT 'x'::text || chr(0)", 422),
        ("SELECT '2'::integer / 0", 422),
        ("SELECT nothing", 500),
    ],
)
def test_errors_of_the_database(store: Store, statement: str, status: int) -> None:
    with pytest.raises(SQLAlchemyError) as caught, store.owner_session() as session:
        session.execute(text(statement))
    answered = answer(caught.value, "abc")
    assert answered.status_code == status
    assert ("errors" in orjson.loads(answered.body)) == (status == 422)


def test_row_security_answers_403(store: Store) -> None:
    with pytest.raises(SQLAlchemyError) as caught, store.session(None) as session:
        session.execute(text("DROP TABLE households"))
    assert answer(caught.value, "abc").status_code == 403


def test_an_unreachable_database_answers_503() -> None:
    engine = create_engine("postgresql+psycopg://nobody@/nothing?host=/nonexistent")
    with pytest.raises(SQLAlchemyError) as caught:
        engine.connect()
    response = answer(caught.value, "abc")
    assert response.status_code == 503
    assert "retry-after" in response.headers


def test_the_whole_service_answers_503_while_the_database_is_away(
    client: TestClient, as_: SignIn, app: FastAPI
) -> None:
    headers = as_("planner")
    store = app.state.office.store
    store.service_engine = create_engine("postgresql+psycopg://nobody@/nothing?host=/nonexistent")
    app.state.office.sessions.forget()
    for path in ("/api/grids", "/api/coverage", "/api/stations"):
        answered = client.get(path, headers=headers)
        assert answered.status_code == 503, path
        assert answered.headers["content-type"] == "application/problem+json"
        assert answered.headers["retry-after"]
    assert client.get("/api/health").status_code == 200
    assert client.get("/api/ready").status_code == 503


FAULTY = [
    ("/api/grids?limit=0", "query.limit"),
    ("/api/grids?limit=many", "query.limit"),
    ("/api/coverage?minutes=61", "query.minutes"),
    ("/api/coverage?method=fly", "query.method"),
    ("/api/grids/locate?lon=102", "query.lat"),
    ("/tiles/grids/99/0/0", "path.z"),
]


def test_faults_of_a_request_have_the_same_shape(client: TestClient, as_: SignIn) -> None:
    for path, where in FAULTY:
        answered = client.get(path, headers=as_("planner"))
        assert answered.status_code == 422
        assert answered.headers["content-type"] == "application/problem+json"
        assert [fault["where"] for fault in answered.json()["errors"]] == [where]
        assert " / " in answered.json()["errors"][0]["message"]


def test_unknown_addresses_and_methods_are_problems_too(client: TestClient, as_: SignIn) -> None:
    for answered, status in (
        (client.get("/api/nothing", headers=as_("planner")), 404),
        (client.put("/api/zoning", headers=as_("planner")), 405),
    ):
        assert answered.status_code == status
        assert answered.json()["status"] == status
        assert answered.headers["content-type"] == "application/problem+json"


def test_a_reading_request_overtaken_is_made_again(app: FastAPI, as_: SignIn) -> None:
    tries: list[bool] = []

    def route(desk: AtDesk) -> dict[str, int]:
        tries.append(steady.get())
        if len(tries) in (1, 3, 4, 5):
            raise Overtaken
        return {"tries": len(tries)}

    rule = [everyone()]
    app.router.routes.insert(0, APIRoute("/api/restless", route, methods=["GET", "POST"], dependencies=rule))
    with TestClient(app, raise_server_exceptions=False) as client:
        headers = as_("planner")
        assert client.get("/api/restless", headers=headers).json() == {"tries": 2}
        assert tries == [False, True]
        refused = client.get("/api/restless", headers=headers)
        assert (refused.status_code, len(tries)) == (503, 4)
        assert refused.headers["Retry-After"]
        refused = client.post("/api/restless", headers=headers)  # its body has been read
        assert (refused.status_code, tries[4:]) == (503, [True])
