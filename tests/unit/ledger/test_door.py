"""The ledger's door: who may look, at what, and that looking is recorded."""

import base64
import json
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from folders import contents
from standing import AGENCY, Town, eventually
from unit.ledger.samples import PLATE, administered, looked_up, refused, searched, send

from platekeeper_access_audit.ledger import domain
from platekeeper_common import ids
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR

GALT = AgencyId("galt-pd")
RECORDS = "/v1/access-records"


async def ask(client: httpx.AsyncClient, path: str = RECORDS, **choice: Any) -> Any:
    answer = await client.get(path, params=choice)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def looks(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """The records that others than this left by looking, or by being refused to, once there are `count`."""

    async def found() -> list[dict[str, Any]]:
        records = (await ask(client, action="access_records.view", limit=500))["records"]
        others = [record for record in records if record["object_id"] != "action=access_records.view"]
        return others if len(others) >= count else []

    records: list[dict[str, Any]] = await eventually(found)
    return records


def many(count: int, **more: Any) -> list[AccessRecorded]:
    """Records a minute apart, the oldest first; number 1 is the oldest."""
    moments = [looked_up().at + timedelta(minutes=n) for n in range(count)]
    return [looked_up(id=ids.new(), number=n + 1, at=at, **more) for n, at in enumerate(moments)]


@pytest.mark.clause("G3")
async def test_an_auditor_sees_who_what_when_where_and_why(here: Town) -> None:
    await send(here, looked_up(), refused())
    async with here.client(here.person("inspector", "auditor", trained=False)) as client:
        first, second = (await ask(client))["records"]
    assert (first["code"], first["clause"], first["outcome"]) == ("training_missing", "C2", "refused")
    assert second | {"id": "-"} == {
        "id": "-",
        "at": "2026-11-22T18:00:00.12Z",
        "producer": "retention",
        "number": 1,
        "kind": "plate_data",
        "action": "reads.search",
        "outcome": "allowed",
        "subject": "account-officer",
        "username": "officer",
        "name": "Zoë Officer",
        "organisation": "Pomona Police Department",
        "title": "Police Officer II",
        "session": "019c0000-0000-7000-8000-0000000000aa",
        "device": None,
        "address": "203.0.113.7",
        "policy_version": "pomona-0123456789ab",
        "purpose": "stolen_vehicle",
        "matter_type": "criminal",
        "matter_number": "26-0117",
        "requested_by": None,
        "result_count": 1,
        "result_ids": ["5d2f7a52-0000-8000-8000-000000000001"],
        "object_type": None,
        "object_id": None,
        "count": 1,
        "code": None,
        "clause": None,
        "actor": None,
        "authority": None,
        "post": None,
        "matter_session": None,
        "number_pending": None,
        "unit": None,
        "shift": None,
        "context": None,
        "terminal": None,
    }


async def test_pages_hold_every_record_once_newest_first(here: Town) -> None:
    same_moment = [looked_up(id=ids.new(), number=n, producer="hotlist") for n in range(1, 6)]
    await send(here, *many(20), *same_moment)
    async with here.client(here.person("inspector", "auditor")) as client:
        seen: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await ask(client, limit=7, action="reads.search", **cursor)
            seen += page["records"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
    assert len({record["id"] for record in seen}) == len(seen) == 25
    assert [record["at"] for record in seen] == sorted((record["at"] for record in seen), reverse=True)


async def test_records_are_chosen_by_time_person_action_outcome_and_subject(here: Town) -> None:
    others = [
        administered(),
        refused(number=90, username="deputy", subject="account-deputy"),
    ]
    await send(here, *many(10), *others)
    async with here.client(here.person("inspector", "administrator")) as client:
        bounds = {"from": "2026-11-22T10:02:00.12-08:00", "to": "2026-11-22T18:05:00.12Z"}
        assert [record["number"] for record in (await ask(client, **bounds))["records"]] == [5, 4, 3]
        assert [record["number"] for record in (await ask(client, username="deputy"))["records"]] == [90]
        assert [record["number"] for record in (await ask(client, outcome="refused"))["records"]] == [90]
        assert [record["number"] for record in (await ask(client, subject="account-deputy"))["records"]] == [90]
        assert [record["id"] for record in (await ask(client, action="account.open"))["records"]] == [others[0].id]
        assert (await ask(client, username="nobody")) == {"records": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"from": "2026-11-22T18:00:00"}, "invalid_request"),
        ({"from": "yesterday"}, "invalid_request"),
        ({"from": "2026-11-22T18:00:00Z", "to": "2026-11-22T18:00:00Z"}, "period_empty"),
        ({"cursor": "bm90aGluZw=="}, "cursor_invalid"),
        ({"cursor": "!"}, "cursor_invalid"),
        ({"cursor": base64.urlsafe_b64encode(b"0001-01-01T00:00:00+23:59 5").decode()}, "cursor_invalid"),
        ({"from": "0001-01-01T00:00:00+23:59"}, "invalid_request"),
        ({"to": "9999-12-31T23:59:59-23:59"}, "invalid_request"),
        ({"limit": 0}, "invalid_request"),
        ({"limit": 501}, "invalid_request"),
        ({"outcome": "perhaps"}, "invalid_request"),
        ({"user": "officer"}, "invalid_request"),
    ],
)
async def test_a_choice_that_makes_no_sense_is_refused(here: Town, choice: dict[str, Any], code: str) -> None:
    async with here.client(here.person("inspector", "auditor")) as client:
        answer = await client.get(RECORDS, params=choice)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        [left] = await looks(client, 1)
    assert (left["outcome"], left["code"], left["object_id"]) == ("refused", code, f"GET {RECORDS}")


@pytest.mark.clause("G3")
async def test_one_record_is_shown_with_what_was_asked_and_what_proves_it(here: Town) -> None:
    record = await searched(here, 1)
    await send(here, record)
    async with here.client(here.person("inspector", "auditor")) as client:
        shown = await ask(client, f"{RECORDS}/{record.id}")
    assert shown["query"] == {"plate": PLATE}
    leaf = shown["leaf"]
    assert leaf["canonical"].encode() == domain.canonical(record)
    assert leaf["hash"] == domain.leaf_hash(leaf["salt"], leaf["canonical"].encode()).hex()
    assert (leaf["position"], leaf["salt"], shown["appended_at"]) == (0, record.salt, "2026-11-22T18:00:00Z")
    assert PLATE not in leaf["canonical"]


@pytest.mark.clause("G3")
async def test_the_query_elements_die_with_the_key_of_their_month(here: Town) -> None:
    record = await searched(here, 1)
    await send(here, record)
    async with here.client(here.person("inspector", "auditor")) as client:
        assert (await ask(client, f"{RECORDS}/{record.id}"))["query"] == {"plate": PLATE}
        (here.standing.foundation.settings.var / "keys" / AGENCY / "access" / "2026-11.key").unlink()
        shown = await ask(client, f"{RECORDS}/{record.id}")
    assert shown["query"] == "destroyed"
    assert shown["purpose"] == "stolen_vehicle"


async def test_query_elements_of_another_record_are_not_shown_as_this_ones(here: Town) -> None:
    record, other = await searched(here, 1), await searched(here, 2)
    await send(here, msgspec.structs.replace(record, query=other.query))
    async with here.client(here.person("inspector", "auditor")) as client:
        assert (await ask(client, f"{RECORDS}/{record.id}"))["query"] == "altered"


@pytest.mark.clause("G3")
async def test_looking_is_recorded(here: Town) -> None:
    await send(here, looked_up(), administered())
    async with here.client(here.person("inspector", "auditor")) as client:
        await ask(client, username="officer", **{"from": "2026-11-01T00:00:00Z"})
        await ask(client, f"{RECORDS}/{looked_up().id}")
        await client.get(f"{RECORDS}/export", params={"action": "account.open"})
        await ask(client, f"{RECORDS}/producers")
        left = await looks(client, 4)
    assert {record["username"] for record in left} == {"inspector"}
    assert sorted((record["object_type"], record["object_id"]) for record in left) == [
        ("access_record", looked_up().id),
        ("access_record_numbers", "all"),
        ("access_records", "from=2026-11-01T00:00:00+00:00&username=officer"),
        ("access_records_export", "action=account.open"),
    ]
    assert [record["result_count"] for record in left if record["object_type"] != "access_record_numbers"] == [1, 1, 1]
    assert {record["producer"] for record in left} == {"ledger"}


@pytest.mark.clause("A2")
@pytest.mark.parametrize("path", [RECORDS, f"{RECORDS}/export", f"{RECORDS}/producers", f"{RECORDS}/{looked_up().id}"])
async def test_others_are_refused_and_that_is_recorded(here: Town, path: str) -> None:
    await send(here, looked_up())
    callers = [here.person("officer"), here.person("trainer", "trainer"), here.device("car-1")]
    for who in callers:
        async with here.client(who) as client:
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    async with here.client() as client:
        assert (await client.get(path)).status_code == 401
    async with here.client(here.person("inspector", "auditor")) as client:
        left = await looks(client, 3)
    assert {record["username"] for record in left} == {"officer", "trainer", "car-1"}
    assert {(record["outcome"], record["object_id"]) for record in left} == {("refused", f"GET {path}")}
    assert {record["clause"] for record in left} == {"A2", "A3"}


@pytest.mark.clause("H1")
async def test_an_agency_sees_its_own_records_alone(here: Town) -> None:
    await here.open_agency(GALT, "galt")
    ours, theirs = await searched(here, 1), await searched(here, 2, agency_id=GALT)
    nobodys = administered(agency_id=PLATFORM, action="authenticate", object_type="credential")
    await send(here, ours, theirs, nobodys)
    root = here.person("root", PLATFORM_ADMINISTRATOR, agency_id=PLATFORM)
    walls = [
        (here.person("inspector", "auditor"), ours, theirs),
        (here.person("galt", "administrator", agency_id=GALT), theirs, ours),
        (root, nobodys, ours),
    ]
    for who, own, other in walls:
        async with here.client(who) as client:
            assert [record["id"] for record in (await ask(client))["records"]] == [own.id]
            exported = (await client.get(f"{RECORDS}/export", params={"action": own.action})).text
            assert [json.loads(line)["id"] for line in exported.splitlines()] == [own.id]
            assert (await ask(client, f"{RECORDS}/{own.id}"))["id"] == own.id
            hidden = await client.get(f"{RECORDS}/{other.id}")
            assert (hidden.status_code, hidden.json()["code"]) == (404, "access_record_unknown")


UNPREPARED: list[dict[str, Any]] = [{"trained": False}, {"approved_until": None}, {"second_factor_owed": True}]
"""Who is not trained, was not approved, owes the second factor."""


@pytest.mark.clause("C2")
@pytest.mark.clause("A8")
@pytest.mark.clause("G2")
@pytest.mark.parametrize("lacks", UNPREPARED)
async def test_query_elements_hold_plates_and_open_to_whom_plate_data_opens(here: Town, lacks: dict[str, Any]) -> None:
    record = await searched(here, 1)
    await send(here, record)
    async with here.client(here.person("inspector", "auditor", **lacks)) as client:
        assert (await ask(client, f"{RECORDS}/{record.id}"))["query"] == "sealed"
        (line,) = (await client.get(f"{RECORDS}/export", params={"action": record.action})).text.splitlines()
    assert json.loads(line)["query"] == "sealed"


async def test_a_platform_administrator_reads_no_query_elements(here: Town) -> None:
    record = await searched(here, 1, agency_id=PLATFORM)
    await send(here, record)
    async with here.client(here.person("root", PLATFORM_ADMINISTRATOR, agency_id=PLATFORM)) as client:
        assert (await ask(client, f"{RECORDS}/{record.id}"))["query"] == "sealed"
    async with here.client(here.person("root", PLATFORM_ADMINISTRATOR)) as client:
        assert (await ask(client))["records"][-1]["id"] == record.id


@pytest.mark.clause("B8")
async def test_an_export_holds_every_chosen_record_with_what_was_asked(here: Town) -> None:
    sealed = await searched(here, 2000)
    await send(here, *many(700), *many(3, username="deputy", producer="hotlist"), sealed)
    async with here.client(here.person("inspector", "auditor")) as client:
        answer = await client.get(f"{RECORDS}/export", params={"username": "officer"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    records = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(record["number"] for record in records) == [*range(1, 701), 2000]
    assert next(record for record in records if record["number"] == 2000)["query"] == {"plate": PLATE}


@pytest.mark.clause("G3")
async def test_a_gap_in_a_producers_numbers_is_seen_until_it_is_filled(here: Town) -> None:
    records = many(12)
    await send(here, *(record for record in records if record.number not in (1, 5, 6, 9)))
    async with here.client(here.person("inspector", "auditor")) as client:
        reported = {one.pop("producer"): one for one in await ask(client, f"{RECORDS}/producers")}
        assert reported["retention"] == {
            "highest": 12,
            "records": 8,
            "missing": 4,
            "gaps": [{"first": 1, "last": 1}, {"first": 5, "last": 6}, {"first": 9, "last": 9}],
        }
        assert (await ask(client, "/health/ledger"))["counts"]["producers_with_gaps"] == 1
        await send(here, *(records[number - 1] for number in (1, 5, 6, 9)))
        reported = {one.pop("producer"): one for one in await ask(client, f"{RECORDS}/producers")}
        assert reported["retention"] == {"highest": 12, "records": 12, "missing": 0, "gaps": []}


async def test_the_figures_count_records_refusals_and_gaps(here: Town) -> None:
    await send(here, looked_up(), refused(), administered(number=3))
    async with here.client() as client:
        health = await ask(client, "/health/ledger")
    assert health["ready"]
    counts = health["counts"]
    assert (counts["records"], counts["refusals"], counts["producers_with_gaps"], counts["alarms"]) == (3, 1, 1, 1)


@pytest.mark.clause("G3")
async def test_a_plate_that_was_searched_for_lies_in_no_file(here: Town) -> None:
    records = [await searched(here, number) for number in range(1, 4)]
    await send(here, *records, msgspec.structs.replace(records[0], id=ids.new()))
    async with here.client(here.person("inspector", "auditor")) as client:
        assert (await ask(client, f"{RECORDS}/{records[0].id}"))["query"] == {"plate": PLATE}
        assert PLATE in (await client.get(f"{RECORDS}/export")).text
        await looks(client, 2)
    lying = contents(here.standing.foundation.settings.var)
    assert {"bus.sqlite", "bus.sqlite-wal", "ledger.sqlite", "ledger.sqlite-wal"} <= {path.name for path in lying}
    assert any(records[0].id.encode() in data for data in lying.values())
    assert [path for path, data in lying.items() if PLATE.encode() in data] == []
