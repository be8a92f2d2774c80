"""Who searched this plate: what the index says of releases and imports, of records that it has not read, and anew."""

import json
import shutil
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from sqlalchemy import select
from standing import AGENCY, Town, eventually
from unit.ledger.questions import ASKED, ask, asked_for, indexed
from unit.ledger.samples import PLATE, looked_up, searched, send
from unit.release.desk import PLATE as DESK_PLATE
from unit.release.desk import WINDOW, desk

from platekeeper_access_audit.ledger import following
from platekeeper_access_audit.ledger.plate_index.handlers import READER
from platekeeper_access_audit.ledger.plate_index.storage import Indexed, add, plate_index
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common.actions import Action
from platekeeper_common.db import Database
from platekeeper_common.migrate import migrate


@on_both
@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_who_handles_a_release_or_an_import_of_the_plate_is_named_too(here: Town) -> None:
    one, two, other = {"plates": [PLATE, "5ABC123"]}, {"plates": ["5ABC123"]}, "2026-11-22T10:00:00+00:00"
    wide = {"pattern": "7KX*", "from": other}
    queries: dict[str, tuple[dict[str, Any], Action]] = {
        "asked": ({"request": "r", "scope": one | {"from": other}}, Action.RELEASE_RECEIVE),
        "narrowed": ({"request": "r", "scope": wide, "approved": one | {"from": other}}, Action.RELEASE_HAND_OUT),
        "pattern": ({"request": "r", "scope": wide}, Action.RELEASE_VIEW),
        "area": ({"request": "r", "scope": {"area": {"circle": [34.05, -117.75, 200]}}}, Action.RELEASE_DECIDE),
        "others": ({"request": "r", "scope": two | {"from": other}}, Action.RELEASE_FULFIL),
        "lister": ({"hotlist": "h", "import": "i", "listed": ["5ABC123", PLATE], "unlisted": []}, Action.HOTLIST_EDIT),
        "unlister": ({"hotlist": "h", "import": "i", "listed": [], "unlisted": [PLATE]}, Action.HOTLIST_EDIT),
        "odd": ({"scope": "7KX", "approved": None, "listed": [7, None, "???"]}, Action.RELEASE_VIEW),
    }
    for number, (username, (query, action)) in enumerate(queries.items(), start=1):
        await send(here, await asked_for(here, number, query, username, action))
    await indexed(here)
    async with here.client(here.person("inspector", "auditor")) as client:
        found = await ask(client)
        named = {"asked", "narrowed", "lister", "unlister"}
        assert {one["username"] for one in found["named"]} == named
        assert {one["username"]: one["match"] for one in found["possible"]} == {"pattern": "pattern", "area": "area"}
        exported = await client.post("/v1/access-records/export", json=ASKED)
        assert {json.loads(line)["username"] for line in exported.text.splitlines()} - {"inspector"} == named
        second = await ask(client, plate="5ABC123")
        assert {one["username"] for one in second["named"]} == {"asked", "narrowed", "others", "lister"}


@on_both
@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_what_the_index_has_not_read_is_opened(here: Town) -> None:
    view, since = {"request": "r", "scope": {"plates": [PLATE]}}, {"from": here.clock().isoformat()}
    async with here.standing.rooms["ledger"].db.alone(READER):
        await send(here, await asked_for(here, 1, view, "dispatcher", Action.RELEASE_VIEW))
        await send(here, await asked_for(here, 2, since, "exporter", Action.CORRECTIONS_EXPORT))
        async with here.client(here.person("inspector", "auditor")) as client:
            found = await ask(client)
            assert ([one["username"] for one in found["named"]], found["possible"]) == (["dispatcher"], [])
            assert found["complete"]
            exported = await client.post("/v1/access-records/export", json=ASKED | {"username": "dispatcher"})
    assert json.loads(exported.text)["query"] == view


@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_an_answer_with_more_unread_than_can_be_opened_does_not_say_that_it_is_complete(here: Town) -> None:
    at = here.clock()
    end = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}
    async with here.standing.rooms["ledger"].db.alone(READER):
        await send(here, *[looked_up(id=f"unread-{number}", number=number, at=at) for number in range(1, 5_002)])
        async with here.client(here.person("inspector", "auditor")) as client:
            assert not (await ask(client, **end))["complete"]
            refused = await client.post("/v1/access-records/export", json=ASKED | end)
            assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (
                503,
                "index_behind",
                "B8",
            )
            assert (await ask(client, to=end["from"]))["complete"]


@on_both
@pytest.mark.clause("G3")
async def test_records_from_before_are_read_anew_and_told_once(here: Town) -> None:
    view = {"request": "r", "scope": {"plates": [PLATE, "5ABC123"]}}
    await send(here, await searched(here, 1, username="ana"))
    await send(here, await asked_for(here, 2, view, "dispatcher", Action.RELEASE_VIEW))
    await indexed(here)
    count = "SELECT count(*) FROM plate_index"
    assert here.rows("ledger", count) == [(3,)]
    # As the migration finds it: digests of searches, and none of releases.
    await here.run_sql("ledger", "DELETE FROM plate_index WHERE position = 1; DELETE FROM reader")
    await indexed(here)
    assert here.rows("ledger", count) == [(3,)]
    async with here.client(here.person("inspector", "auditor")) as client:
        assert {one["username"] for one in (await ask(client))["named"]} == {"ana", "dispatcher"}


@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_the_release_desk_writes_what_the_index_reads(tmp_path: Path) -> None:
    async with desk(tmp_path / "var", beside=(LEDGER,)) as at:
        request = await at.receive(scope={"pattern": "8AB*", **WINDOW})
        await at.decide(request["id"], scope={"plates": [DESK_PLATE], **WINDOW})
        await at.clerk.get(f"/v1/release-requests/{request['id']}")

        async def told() -> set[tuple[str, str]]:
            found = await ask(at.boss, plate=DESK_PLATE)
            assert found["complete"]
            told = {(one["action"], one["match"]) for one in found["named"] + found["possible"]}
            return told if len(told - {("access_records.trace", "plate")}) == 3 else set()

        assert await eventually(told) >= {
            ("release.receive", "pattern"),
            ("release.decide", "plate"),
            ("release.view", "plate"),
        }


async def test_what_was_indexed_before_stays_and_all_records_are_read_anew(tmp_path: Path) -> None:
    url, before = f"sqlite+aiosqlite:///{tmp_path / 'ledger.sqlite'}", tmp_path / "before"
    assert LEDGER.migrations is not None
    shutil.copytree(LEDGER.migrations, before, ignore=shutil.ignore_patterns("0015*"))
    await migrate(url, before)
    old = Indexed(0, AGENCY, "2026-11", "digest", further=False)
    async with Database.open(url) as db, db.tx() as tx:
        await tx.write(plate_index.insert().values(asdict(old)))
        await following.move(tx, "plate index", 1)
    await migrate(url, LEDGER.migrations)
    async with Database.open(url) as db, db.tx() as tx:
        await add(tx, [old, replace(old, digest="another")])
        await add(tx, [old])
        assert sorted(row.digest for row in await tx.rows(select(plate_index))) == ["another", "digest"]
        assert await following.places(tx) == {}
