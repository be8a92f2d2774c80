"""Attempts on the log itself: refused, and recorded."""

from typing import Any

import httpx
import pytest
from databases import on_both
from standing import Town, eventually
from unit.ledger.samples import looked_up, send

from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.tampering import handlers
from platekeeper_common.ids import PLATFORM
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR

RECORDS = "/v1/access-records"
STATEMENTS = (
    "UPDATE access_record SET username = 'nobody'",
    "DELETE FROM access_record",
    "DELETE FROM checkpoint",
)


async def attempts(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    async def found() -> list[dict[str, Any]]:
        answer = await client.get(RECORDS, params={"action": "access_records.alter"})
        records: list[dict[str, Any]] = answer.json()["records"]
        return records if len(records) >= count else []

    records: list[dict[str, Any]] = await eventually(found)
    return records


@pytest.mark.clause("G3")
@pytest.mark.parametrize("role", ["administrator", "auditor", "officer"])
async def test_whoever_tries_to_change_the_log_stands_in_it(here: Town, role: str) -> None:
    await send(here, looked_up())
    paths = (RECORDS, f"{RECORDS}/{looked_up().id}", f"{RECORDS}/export", "/v1/checkpoints/latest", "/v1/proofs/x/y")
    asked = [(method, path) for method in ("PUT", "PATCH", "DELETE") for path in paths]
    async with here.client(here.person("insider", role)) as client:
        for method, path in asked:
            answer = await client.request(method, path, json={"username": "nobody"})
            problem = answer.json()
            assert (answer.status_code, problem["code"], problem["clause"]) == (405, "record_kept", "G3"), path
            assert "a new one" in problem["detail"]
            assert answer.headers["allow"] == "GET"
    async with here.client() as stranger:
        assert (await stranger.delete(RECORDS)).status_code == 401
    async with here.client(here.person("inspector", "auditor")) as client:
        left = await attempts(client, len(asked))
        assert (await client.get(f"{RECORDS}/{looked_up().id}")).json()["username"] == "officer"
    assert {(record["username"], record["outcome"], record["clause"]) for record in left} == {
        ("insider", "refused", "G3")
    }
    assert {record["object_id"] for record in left} == {f"{method} {path}" for method, path in asked}


@on_both
@pytest.mark.clause("G3")
async def test_a_statement_that_the_database_refuses_becomes_a_record(here: Town) -> None:
    await send(here, looked_up())
    await eventually(lambda: here.rows("ledger", "SELECT size FROM checkpoint"))
    root = here.person("root", PLATFORM_ADMINISTRATOR, agency_id=PLATFORM)
    for statement in STATEMENTS:
        with pytest.raises(Exception, match="never changed"):
            await here.run_sql("ledger", statement)
    async with here.client(root) as client:

        async def told() -> list[dict[str, Any]]:
            left = await attempts(client, 1)
            return left if sum(record["count"] for record in left) == len(STATEMENTS) else []

        left = await eventually(told)
    assert {(one["subject"], one["outcome"], one["code"], one["object_id"]) for one in left} == {
        ("database:ledger", "refused", "record_kept", "ledger")
    }
    ledger = here.standing.rooms["ledger"]
    assert isinstance(ledger, LedgerRoom)
    assert await handlers.tell(ledger) == 0
    [row] = here.rows("ledger", "SELECT username FROM access_record WHERE position = 0")
    assert tuple(row) == ("officer",)
