"""From a request to the package: exactly what was approved, once, signed, and on file (I1 to I4, J2)."""

import asyncio
import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from standing import eventually
from unit.release.desk import OTHER_PLATE, PLATE, USE, WINDOW, Desk, desk, good, sha256, token, told, unzipped
from unit.retention.office import START, a_read

from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import ReadId
from platekeeper_release import fulfilment
from platekeeper_release.room import ReleaseRoom, ReleaseSettings


@pytest.mark.clause("I2", "pomona")
@pytest.mark.clause("I3", "pomona")
@pytest.mark.clause("I4", "pomona")
async def test_a_request_goes_out_as_approved_and_stays_on_file(here: Desk) -> None:
    inside, late = await here.photographed(1), a_read(7200, agency_id=here.agency_id)
    other = a_read(2, agency_id=here.agency_id, plate=OTHER_PLATE)
    await here.store(inside, late, other)
    received = await here.receive()
    assert (received["number"], received["status"], received["decision"]) == ("R-2026-0001", "received", None)
    decided = good(await here.decide(received["id"]))
    assert (decided["status"], decided["decision"]["decided_by_name"]) == ("approved", "Boss")
    sent = good(await here.fulfil(received["id"]))

    files = unzipped(await here.package(received["id"]))
    manifest = json.loads(files["manifest.json"])
    assert sent["fulfilment"]["manifest"] == manifest
    assert (sent["status"], manifest["request"]["number"]) == ("fulfilled", "R-2026-0001")
    assert manifest["scope"] == decided["decision"]["opens"]
    assert {one["name"]: one["sha256"] for one in manifest["files"]} == {
        name: sha256(data) for name, data in files.items() if not name.startswith("manifest")
    }
    assert {name: files[name] for name in here.pictures} == here.pictures
    (read,) = map(json.loads, files["reads.jsonl"].splitlines())
    assert (read["id"], read["plate"]) == (inside.id, PLATE)
    assert not {"retain_until", "retention", "device_id"} & set(read)

    shown = good(await here.clerk.get(f"/v1/release-requests/{received['id']}"))
    assert shown == sent
    assert shown["request_sha256"] == received["request_sha256"] == manifest["request"]["sha256"]
    assert shown["decision_sha256"] == manifest["decision"]["sha256"]


@pytest.mark.clause("I4")
async def test_anybody_verifies_the_manifest_with_the_published_key(here: Desk) -> None:
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    files = unzipped(await here.package(request_id))
    published = good(await here.house.client().get("/v1/release-key"))
    text, _, signatures = files["manifest.sig"].decode().rpartition("\n\n")
    origin, number, digest = text.split("\n")
    assert (origin, number, digest) == (published["name"], "R-2026-0001", sha256(files["manifest.json"]))
    dash, name, encoded = signatures.rstrip("\n").split(" ")
    key = load_pem_public_key(published["public_key_pem"].encode())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(base64.b64decode(encoded)[4:], f"{text}\n".encode())
    assert (dash, name) == ("—", origin)


@pytest.mark.clause("I3")
@pytest.mark.clause("G3")
async def test_retention_records_the_person_the_actor_and_the_request(here_with_ledger: Desk) -> None:
    here = here_with_ledger
    await here.store(await here.photographed(1))
    request_id = await here.approved()
    sent = good(await here.fulfil(request_id))
    manifest = sent["fulfilment"]["manifest"]
    searched = await here.records("reads.search")
    viewed = await here.records("image.view", most=2)
    assert [record.id for record in (*searched, *viewed)] == manifest["access_records"]
    for record in (*searched, *viewed):
        assert (record.subject, record.username) == (here.people["clerk"], "clerk")
        assert (record.actor, record.authority) == ("service:release", f"release:{request_id}")
        assert (record.purpose, record.matter_number) == ("stolen_vehicle", "26-004711")
    (fulfilled,) = await here.records("release.fulfil")
    assert (fulfilled.subject, fulfilled.actor) == (here.people["clerk"], None)
    assert (await here.elements(fulfilled))["scope"]["plates"] == [PLATE]

    async def in_the_ledger() -> bool:
        ids = (record.id for record in (*searched, *viewed))
        answers = [await here.boss.get(f"/v1/access-records/{record_id}") for record_id in ids]
        return all(answer.json().get("authority") == f"release:{request_id}" for answer in answers)

    await eventually(in_the_ledger)


@pytest.mark.clause("I3")
async def test_several_plates_are_each_searched_and_no_other(here: Desk) -> None:
    plates = [PLATE, OTHER_PLATE]
    await here.store(
        *(a_read(n, agency_id=here.agency_id, plate=plate) for n, plate in enumerate([*plates, "1AAA111"]))
    )
    request_id = await here.approved(scope={"plates": plates, **WINDOW})
    manifest = good(await here.fulfil(request_id))["fulfilment"]["manifest"]
    assert (manifest["reads"], len(manifest["access_records"])) == (2, 2)


POMONA, AWAY = Position(34.0553, -117.7502), Position(34.2000, -117.7502)
CIRCLE = {"circle": {"centre": {"latitude": 34.0550, "longitude": -117.7500}, "radius": 500}}


@pytest.mark.clause("I3")
@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"pattern": "8ABC1?3"}, [1, 2]),
        ({"pattern": "8ABC1?3", "area": CIRCLE}, [1]),
        ({"plates": [PLATE], "area": CIRCLE}, [1]),
        ({"pattern": "?A*", "area": CIRCLE}, [1]),
        ({"area": CIRCLE}, [1, 3]),
    ],
)
async def test_a_pattern_and_an_area_go_out_as_approved(here: Desk, scope: dict[str, Any], expected: list[int]) -> None:
    await here.store(
        await here.photographed(1, position=POMONA),
        a_read(2, agency_id=here.agency_id, plate="8ABC193", position=AWAY),
        a_read(3, agency_id=here.agency_id, plate=OTHER_PLATE, position=POMONA),
        a_read(4, agency_id=here.agency_id, plate=OTHER_PLATE),
        a_read(7200, agency_id=here.agency_id, position=POMONA),
    )
    request_id = await here.approved(scope={**scope, **WINDOW})
    good(await here.fulfil(request_id))
    files = unzipped(await here.package(request_id))
    reads = [json.loads(line)["id"] for line in files["reads.jsonl"].splitlines()]
    assert reads == [f"read-{number:04}" for number in expected]
    assert {name: files[name] for name in here.pictures} == here.pictures


@pytest.mark.clause("I3")
async def test_more_reads_than_a_page_all_go_out(here: Desk) -> None:
    await here.store(*(a_read(n, agency_id=here.agency_id) for n in range(205)))
    request_id = await here.approved()
    manifest = good(await here.fulfil(request_id))["fulfilment"]["manifest"]
    assert (manifest["reads"], len(manifest["access_records"])) == (205, 2)


async def test_a_release_beyond_the_limit_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    own = {"release": ReleaseSettings(reads_at_most=2, package_bytes_at_most=30)}
    async with desk(tmp_path / "var", own=own) as here:
        await here.store(*(a_read(n, agency_id=here.agency_id) for n in range(3)))
        await here.store(await here.photographed(10, plate=OTHER_PLATE))
        for plate in (PLATE, OTHER_PLATE):
            request_id = await here.approved(scope={"plates": [plate], **WINDOW})
            assert told(await here.fulfil(request_id)) == (409, "release_too_large", None)
            assert good(await here.clerk.get(f"/v1/release-requests/{request_id}"))["fulfilment"] is None
        assert not list((tmp_path / "var" / "objects").glob("*/*/release/*"))


@pytest.mark.clause("I3")
async def test_only_what_is_approved_and_not_expired_is_fulfilled(here: Desk) -> None:
    waiting = (await here.receive())["id"]
    assert told(await here.fulfil(waiting)) == (409, "not_approved", "I3")
    good(await here.decide(waiting, outcome="denied", expires_at=None, reason="not a criminal matter"))
    assert told(await here.fulfil(waiting)) == (409, "not_approved", "I3")
    soon = (await here.receive())["id"]
    good(await here.decide(soon, expires_at=(here.clock() + timedelta(minutes=2)).isoformat()))
    here.clock.advance(minutes=3)
    assert told(await here.fulfil(soon)) == (409, "approval_expired", "I3")
    assert good(await here.clerk.get(f"/v1/release-requests/{soon}"))["status"] == "expired"
    assert told(await here.clerk.get(f"/v1/release-requests/{soon}/package")) == (404, "package_absent", None)


@pytest.mark.clause("I3")
async def test_asked_again_it_is_the_same_package(here: Desk) -> None:
    await here.store(a_read(1, agency_id=here.agency_id))
    request_id = (await here.receive())["id"]
    good(await here.decide(request_id, expires_at=(here.clock() + timedelta(minutes=2)).isoformat()))
    first, other = await asyncio.gather(here.fulfil(request_id), here.fulfil(request_id))
    before = await here.package(request_id)
    await here.store(a_read(2, agency_id=here.agency_id))
    here.clock.advance(minutes=3)
    again = await here.fulfil(request_id)
    assert good(first) == good(other) == good(again)
    assert await here.package(request_id) == before


async def test_an_attempt_that_died_before_it_was_filed_is_continued(here: Desk) -> None:
    await here.store(await here.photographed(1))
    request_id = await here.approved()
    room = here.house.standing.rooms["release"]
    assert isinstance(room, ReleaseRoom)
    by = await room.foundation.verifier.verify(token(here.clerk))
    prepared = await fulfilment.prepare(room, by, token(here.clerk), request_id)
    await here.store(a_read(2, agency_id=here.agency_id))
    here.clock.advance(minutes=1)
    sent = good(await here.fulfil(request_id))["fulfilment"]
    assert sent["package_sha256"] == prepared.package_sha256 == sha256(await here.package(request_id))
    assert sent["manifest"]["reads"] == 1


@pytest.mark.clause("J2")
@pytest.mark.clause("I1")
async def test_who_may_have_it_is_asked_again_when_it_goes_out(here: Desk) -> None:
    request_id = await here.approved()
    good(await here.boss.post(f"/v1/recipients/{here.recipient}/withdraw"))
    assert told(await here.fulfil(request_id)) == (403, "recipient_not_eligible", "I1")


@pytest.mark.clause("I1")
async def test_what_is_packed_is_not_handed_to_one_who_was_withdrawn(here: Desk) -> None:
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    good(await here.boss.post(f"/v1/recipients/{here.recipient}/withdraw"))
    answer = await here.clerk.get(f"/v1/release-requests/{request_id}/package")
    assert told(answer) == (403, "recipient_not_eligible", "I1")
    assert (await here.records("release.hand_out", "refused"))[0].clause == "I1"


@pytest.mark.clause("C2")
async def test_without_training_nothing_is_fulfilled_or_handed_out(here: Desk) -> None:
    request_id = await here.approved()
    await here.house.hire(here.boss, "recruit", "investigator")
    recruit = await here.house.login("recruit")
    for method, path in (("POST", "fulfilment"), ("GET", "package")):
        answer = await recruit.request(method, f"/v1/release-requests/{request_id}/{path}")
        assert told(answer) == (403, "training_missing", "C2")


async def test_an_altered_package_is_not_handed_out(here: Desk, tmp_path: Path) -> None:
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    (kept,) = (tmp_path / "var" / "objects").glob("*/*/release/*")
    assert PLATE.encode() not in kept.read_bytes()
    kept.write_bytes(kept.read_bytes()[:-1] + b"\x00")
    answer = await here.clerk.get(f"/v1/release-requests/{request_id}/package")
    assert (answer.status_code, answer.json()["code"]) == (500, "package_altered")


async def test_a_picture_that_was_destroyed_is_told_and_the_rest_goes_out(here: Desk, tmp_path: Path) -> None:
    read = await here.photographed(1)
    await here.store(read)
    assert read.crop is not None
    (tmp_path / "var" / "objects" / read.crop.path).unlink()
    request_id = await here.approved()
    manifest = good(await here.fulfil(request_id))["fulfilment"]["manifest"]
    assert manifest["pictures_destroyed"] == [{"read": ReadId(read.id), "picture": "crop"}]
    assert [one["name"] for one in manifest["files"]] == ["reads.jsonl", f"images/{read.id}.jpg"]


@pytest.mark.parametrize("away", ["accounts", "retention"])
async def test_without_a_neighbour_nothing_half_done_is_kept(here: Desk, tmp_path: Path, away: str) -> None:
    await here.store(a_read(1, agency_id=here.agency_id))
    request_id = await here.approved()
    doors = here.house.standing.doors
    assert isinstance(doors, dict)
    door = doors.pop(away)
    answer = await here.fulfil(request_id)
    assert told(answer) == (503, "neighbour_away", None)
    assert not list((tmp_path / "var" / "objects").glob("*/*/release/*"))
    doors[away] = door
    assert good(await here.fulfil(request_id))["status"] == "fulfilled"


async def test_a_neighbour_that_answers_too_late_is_away(tmp_path: Path) -> None:
    async def silent(*_: Any) -> None:
        await asyncio.sleep(60)

    async with desk(tmp_path / "var", peer_seconds=0.5) as here:
        request_id = (await here.receive())["id"]
        doors = here.house.standing.doors
        assert isinstance(doors, dict)
        accounts = doors["accounts"]
        doors["accounts"] = silent
        assert told(await here.decide(request_id)) == (503, "neighbour_away", None)
        doors["accounts"] = accounts


@pytest.mark.clause("J1", "pomona")
async def test_a_read_that_was_corrected_to_the_plate_goes_out_and_says_so(here: Desk) -> None:
    await here.store(
        await here.photographed(1, plate=OTHER_PLATE), a_read(2, agency_id=here.agency_id, plate=OTHER_PLATE)
    )
    good(await here.clerk.post("/v1/reads/read-0001/corrections", json=USE | {"plate": PLATE, "state": "CA"}))
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    files = unzipped(await here.package(request_id))
    (read,) = map(json.loads, files["reads.jsonl"].splitlines())
    (said,) = read["corrections"]
    assert (read["id"], read["plate"]) == ("read-0001", OTHER_PLATE)
    assert (said["was"], said["plate"], said["state"], said["verdict"]) == (OTHER_PLATE, PLATE, "CA", "misread")
    assert "made_by_name" not in said
    assert {name: files[name] for name in here.pictures} == here.pictures


async def test_reads_go_out_oldest_first(here: Desk) -> None:
    await here.store(*(a_read(n, agency_id=here.agency_id) for n in (5, 1, 3)))
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    lines = unzipped(await here.package(request_id))["reads.jsonl"].splitlines()
    moments = [json.loads(line)["captured_at"] for line in lines]
    assert moments == sorted(moments)
    assert moments[0].startswith((START + timedelta(seconds=1)).isoformat()[:19])
