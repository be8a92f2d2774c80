"""The sequencer, its folder, and the doors for checkpoints, proofs and leaves."""

import json
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from standing import Town, eventually
from unit.ledger.proofs import LATEST, LEAVES, afternoon, check, export, folder, latest, notes, signed
from unit.ledger.samples import looked_up, searched, send

from platekeeper_access_audit.ledger import archive, tree
from platekeeper_access_audit.ledger.checkpoints import Checkpoint
from platekeeper_access_audit.ledger.sequencer import compare_with_archive, sign
from platekeeper_common import ids
from platekeeper_common.ids import AgencyId
from platekeeper_verify import merkle as verifier
from platekeeper_verify.notes import Key, open_checkpoint

AUDITOR = ("inspector", "auditor")


@on_both
async def test_the_tree_is_signed_each_minute(here: Town) -> None:
    await eventually(lambda: len(notes(here)) == 1)
    async with here.client(here.person(*AUDITOR)) as client:
        first = await latest(client)
        here.clock.advance(seconds=60)
        await eventually(lambda: len(notes(here)) == 2)
        await eventually(lambda: here.standing.foundation.checkpoints.signed_at == here.clock())
        last = await latest(client)
    assert (first["size"], first["number"]) == (0, 1)
    assert last["number"] == 2
    key = Key.parse(str(last["verifier_key"]))
    assert [open_checkpoint(note, key).size for _, note in notes(here)] == sorted(
        open_checkpoint(note, key).size for _, note in notes(here)
    )
    assert notes(here)[-1][1].decode() == last["note"]
    assert notes(here)[0][0] == "2026-11-22/18-00-00-0000000000000000.txt"


async def test_every_process_hears_of_the_checkpoint(here: Town) -> None:
    known = here.standing.foundation.checkpoints
    await eventually(lambda: known.last is not None)
    here.clock.advance(minutes=2)
    await eventually(lambda: known.signed_at == here.clock())
    assert known.last is not None
    assert open_checkpoint(known.last.note.encode(), Key.parse(known.last.verifier_key)).size == known.last.size


async def test_the_folder_is_written_once(tmp_path: Path, here: Town) -> None:
    moment = here.clock()
    path = archive.keep(tmp_path, "note\n", size=3, signed_at=moment)
    assert archive.keep(tmp_path, "note\n", size=3, signed_at=moment) == path
    with pytest.raises(FileExistsError):
        archive.keep(tmp_path, "other\n", size=3, signed_at=moment)
    archive.keep(tmp_path, "later\n", size=3, signed_at=moment + timedelta(days=1))
    assert archive.newest(tmp_path) == "later\n"
    assert path.read_text() == "note\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


@on_both
@pytest.mark.clause("G3")
async def test_proofs_lead_to_the_signed_root(here: Town) -> None:
    async with here.client(here.person(*AUDITOR)) as client:
        await afternoon(here)
        last = await latest(client)
        record = (await client.get("/v1/access-records", params={"action": "reads.search"})).json()["records"][3]
        proof = (
            await client.get("/v1/proofs/inclusion", params={"record_id": record["id"], "size": last["size"]})
        ).json()
        by_index = await client.get("/v1/proofs/inclusion", params={"index": proof["index"], "size": last["size"]})
        joint = (await client.get("/v1/proofs/consistency", params={"from": 3, "to": last["size"]})).json()
        leaf = (await client.get(f"/v1/access-records/{record['id']}")).json()["leaf"]
    root = open_checkpoint(str(last["note"]).encode(), Key.parse(str(last["verifier_key"]))).root
    assert by_index.json() == proof
    assert (leaf["position"], leaf["hash"], proof["root"]) == (proof["index"], proof["leaf_hash"], root.hex())
    assert verifier.includes(bytes.fromhex(leaf["hash"]), proof["index"], proof["size"], parts(proof["path"]), root)
    before = bytes.fromhex(joint["from_root"])
    assert joint["to_root"] == root.hex()
    assert verifier.continues(joint["from"], joint["to"], parts(joint["path"]), before, root)


def parts(path: list[str]) -> list[bytes]:
    return [bytes.fromhex(part) for part in path]


@pytest.mark.parametrize(
    ("path", "choice", "status", "code"),
    [
        ("/v1/proofs/inclusion", {}, 422, "invalid_request"),
        ("/v1/proofs/inclusion", {"index": 0, "record_id": "x"}, 422, "invalid_request"),
        ("/v1/proofs/inclusion", {"index": 10**6}, 422, "leaf_unknown"),
        ("/v1/proofs/inclusion", {"record_id": "nobody's"}, 404, "access_record_unknown"),
        ("/v1/proofs/inclusion", {"index": 0, "size": 10**6}, 422, "size_not_signed"),
        ("/v1/proofs/consistency", {"from": 0}, 422, "invalid_request"),
        ("/v1/proofs/consistency", {"from": 2, "to": 1}, 422, "sizes_reversed"),
        ("/v1/proofs/consistency", {"from": 10**6}, 422, "sizes_reversed"),
        (LEAVES, {"size": 10**6}, 422, "size_not_signed"),
        ("/v1/checkpoints", {"limit": 0}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_proved_is_refused(
    here: Town, path: str, choice: dict[str, Any], status: int, code: str
) -> None:
    async with here.client(here.person(*AUDITOR)) as client:
        await send(here, looked_up(), looked_up(id=ids.new(), number=2))
        await signed(here)
        answer = await client.get(path, params=choice)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@on_both
@pytest.mark.clause("H1")
async def test_another_agencys_records_are_in_the_tree_without_their_content(here: Town) -> None:
    galt = AgencyId("galt-pd")
    await here.open_agency(galt, "galt")
    theirs = await searched(here, 1, agency_id=galt)
    async with here.client(here.person(*AUDITOR)) as client:
        await send(here, theirs, await searched(here, 2))
        await signed(here)
        lines, kept, key = await export(here, client)
        answer = await client.get("/v1/proofs/inclusion", params={"record_id": theirs.id})
    withheld = [json.loads(line) for line in lines if json.loads(line)["canonical"] is None]
    assert [line["salt"] for line in withheld] == [None]
    assert not any("galt-pd" in line for line in lines)
    report = check(lines, kept, key)
    assert (report.findings, report.withheld, report.proved) == ([], 1, len(lines))
    assert answer.status_code == 404


@pytest.mark.clause("A2")
@pytest.mark.parametrize(
    "path", [LATEST, "/v1/checkpoints", "/v1/proofs/inclusion?index=0", "/v1/proofs/consistency?from=1", LEAVES]
)
async def test_proofs_are_for_those_who_audit(here: Town, path: str) -> None:
    async with here.client(here.person("officer")) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["clause"]) == (403, "A2")


@on_both
async def test_checkpoints_are_listed_newest_first(here: Town) -> None:
    async with here.client(here.person(*AUDITOR)) as client:
        await afternoon(here)
        page = (await client.get("/v1/checkpoints", params={"limit": 2})).json()
        rest = (await client.get("/v1/checkpoints", params={"cursor": page["next_cursor"]})).json()
    numbers = [one["number"] for one in page["checkpoints"] + rest["checkpoints"]]
    assert numbers == sorted(numbers, reverse=True)
    assert (len(page["checkpoints"]), numbers[-1], rest["next_cursor"]) == (2, 1, None)


@on_both
async def test_a_tree_of_several_tiers_has_the_same_root(here: Town) -> None:
    room = here.standing.rooms["ledger"]
    await send(here, *(looked_up(id=ids.new(), number=n) for n in range(1, 701)))
    async with room.db.tx() as tx:
        assert await tree.grow(tx, 700)
    async with room.db.tx() as tx:
        hashes = [await tree.leaf(tx, index) for index in range(700)]
        for size in (0, 1, 255, 256, 257, 512, 699, 700):
            assert await tree.root(tx, size) == verifier.root(hashes[:size])


@pytest.mark.parametrize("table", ["checkpoint", "subtree"])
@pytest.mark.parametrize("attempt", ["UPDATE {} SET {}", "DELETE FROM {}", "REPLACE INTO {} SELECT * FROM {}"])
async def test_what_was_signed_is_never_changed(here: Town, table: str, attempt: str) -> None:
    await send(here, *(looked_up(id=ids.new(), number=n) for n in range(1, 301)))
    await sign(here.standing.rooms["ledger"])  # type: ignore[arg-type]
    change = {"checkpoint": "size = 0", "subtree": "hash = hash"}[table]
    statement = attempt.format(table, change if "SET" in attempt else table)
    with pytest.raises(sqlite3.IntegrityError, match="never change"):
        await here.run_sql("ledger", statement)


@on_both
async def test_nothing_is_signed_that_does_not_continue_what_the_folder_holds(here: Town) -> None:
    await afternoon(here)
    room: Any = here.standing.rooms["ledger"]
    await compare_with_archive(room)
    ahead = room.signer.sign(Checkpoint(room.signer.origin, 10**6, bytes(32)))
    archive.keep(folder(here), ahead, size=10**6, signed_at=here.clock() + timedelta(days=1))
    with pytest.raises(tree.TreeDamaged, match="1000000 records were signed"):
        await compare_with_archive(room)


async def test_a_changed_record_ends_the_signing(here: Town) -> None:
    await send(here, looked_up(), looked_up(id=ids.new(), number=2))
    room: Any = here.standing.rooms["ledger"]
    await sign(room)
    await here.run_sql(
        "ledger",
        "DROP TRIGGER access_record_not_updated;UPDATE access_record SET leaf_hash = randomblob(32) WHERE position = 1",
    )
    with pytest.raises(tree.TreeDamaged, match="not those that were signed"):
        await sign(room)
