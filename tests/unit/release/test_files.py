"""What is on file stays as it was filed, and the records say what it was (G3, I4)."""

import sqlite3
from pathlib import Path

import databases
import pytest
from databases import on_both
from unit.release.desk import OTHER_PLATE, PLATE, WINDOW, Desk, good, sha256, told

from platekeeper_release import storage
from platekeeper_release.room import ReleaseRoom


@pytest.mark.clause("I4")
async def test_nothing_on_file_can_be_changed_or_deleted(here: Desk) -> None:
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    for path in (request_id, f"{request_id}/decision", f"{request_id}/fulfilment", f"{request_id}/package"):
        for method in ("DELETE", "PUT", "PATCH"):
            answer = await here.boss.request(method, f"/v1/release-requests/{path}")
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    url = here.house.standing.foundation.settings.database_of("release")
    for table, key in (("release_request", "id"), ("decision", "request_id"), ("fulfilment", "request_id")):
        for statement in (
            f"DELETE FROM {table}",  # noqa: S608
            f"UPDATE {table} SET {key} = {key}",  # noqa: S608
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",  # noqa: S608
        ):
            with pytest.raises(sqlite3.IntegrityError, match="stay on file"):
                await databases.run(url, statement)


@on_both
@pytest.mark.clause("I4")
async def test_the_hashes_are_those_of_what_is_on_file(here: Desk) -> None:
    request_id = await here.approved()
    room = here.house.standing.rooms["release"]
    assert isinstance(room, ReleaseRoom)
    async with room.db.tx() as tx:
        file = await storage.file(tx, here.agency_id, request_id)
    assert file.decision is not None
    assert storage.filed(file.request)[1] == file.request_sha256 == sha256(storage.filed(file.request)[0])
    assert storage.filed(file.decision)[1] == file.decision_sha256
    assert file.decision.request_sha256 == file.request_sha256


@pytest.mark.clause("I3")
@pytest.mark.clause("I4")
@pytest.mark.parametrize("part", ["request", "decision", "decision_of_another"])
async def test_what_was_altered_in_the_database_opens_nothing(here: Desk, tmp_path: Path, part: str) -> None:
    request_id, other = await here.approved(), await here.approved(scope={"plates": [OTHER_PLATE], **WINDOW})
    wider = f"document = CAST(replace(CAST(document AS TEXT), '{PLATE}', '{OTHER_PLATE}') AS BLOB)"
    changes = {
        "request": ("release_request", wider, "id"),
        "decision": ("decision", wider, "request_id"),
        "decision_of_another": (
            "decision",
            f"(document, sha256) = (SELECT o.document, o.sha256 FROM decision AS o WHERE o.request_id = '{other}')",  # noqa: S608
            "request_id",
        ),
    }
    table, change, key = changes[part]
    url = here.house.standing.foundation.settings.database_of("release")
    statement = f"UPDATE {table} SET {change} WHERE {key} = '{request_id}'"  # noqa: S608
    await databases.run(url, f"DROP TRIGGER {table}_not_updated; {statement}")
    for answer in (await here.fulfil(request_id), await here.clerk.get(f"/v1/release-requests/{request_id}")):
        assert told(answer) == (500, "file_altered", None)
    assert not (tmp_path / "var" / "objects" / here.agency_id).exists()


@on_both
@pytest.mark.clause("G3")
@pytest.mark.clause("I4")
async def test_the_records_hold_what_was_asked_and_approved_and_the_hashes(here: Desk) -> None:
    received = await here.receive(scope={"plates": [PLATE, OTHER_PLATE], **WINDOW})
    decided = good(await here.decide(received["id"], scope={"plates": [PLATE], **WINDOW}))
    sent = good(await here.fulfil(received["id"]))["fulfilment"]
    (of_receipt,) = await here.records("release.receive")
    (of_decision,) = await here.records("release.decide")
    (of_fulfilment,) = await here.records("release.fulfil")
    asked = {"request": received["id"], "number": "R-2026-0001", "request_sha256": received["request_sha256"]}
    asked["scope"] = received["request"]["opens"]
    approved = asked | {"decision_sha256": decided["decision_sha256"], "approved": decided["decision"]["opens"]}
    assert (await here.elements(of_receipt)) == asked
    assert (await here.elements(of_decision)) == approved | {"outcome": "approved"}
    assert (await here.elements(of_fulfilment)) == approved | {"package_sha256": sent["package_sha256"]}
