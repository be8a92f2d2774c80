"""No audit, no data: every door of the records office leaves its record before the first byte (A1, A8, B8, C2, G3)."""

from datetime import date
from typing import Any

import httpx
import pytest
from standing import AGENCY, Town
from starlette.types import Message, Receive, Scope, Send
from unit.retention.office import HARBOR, USE, a_read, elements, records, rows, run_sql, search, stop_relay, store

from platekeeper_common.access import NOT_STATED
from platekeeper_common.caller import Caller
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.ingest import Position
from platekeeper_common.relay import Relay

SEARCH = ("POST", "/v1/searches")
DOORS = [SEARCH, *(("GET", f"/v1/reads/read-0001{path}") for path in ("", "/image", "/crop"))]
GATE = Position(34.05, -117.75)
PICTURE = b"\x89PNG the street"
PURPOSES = (USE["purpose"], "other_le")


@pytest.fixture
async def office(here: Town) -> Town:
    """Two reads of one plate, the first with its pictures; access records stay where the test can read them."""
    await here.open_agency(HARBOR)
    picture = await here.standing.foundation.objects.put(
        PICTURE,
        agency_id=AGENCY,
        received_on=date(2026, 11, 22),
        kind="image",
        name="frame-1",
        media_type="image/png",
    )
    await store(here, a_read(1, image=picture, crop=picture, position=GATE), a_read(2, position=GATE))
    await stop_relay(here)
    return here


async def knock(client: httpx.AsyncClient, door: tuple[str, str], **asked: Any) -> httpx.Response:
    """Go through one of DOORS, with the use in the body or in the query string."""
    method, path = door
    use = {name: value for name, value in (USE | asked).items() if value is not None}
    if method == "POST":
        return await client.post(path, json={"plate": "8ABC123"} | use)
    return await client.get(path, params=use)


def shows_nothing(answer: httpx.Response) -> bool:
    return "8ABC123" not in answer.text and PICTURE not in answer.content and "read-0002" not in answer.text


class FirstByte:
    """The app as it stands, seen from the socket: the access records that were committed when an answer began."""

    def __init__(self, here: Town) -> None:
        self.here = here
        self.committed: list[list[AccessRecorded]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.committed.append(records(self.here))
            await send(message)

        await self.here.standing.app(scope, receive, watched)

    def client(self, who: Caller) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.here.token(who)}"}
        transport = httpx.ASGITransport(app=self)
        return httpx.AsyncClient(transport=transport, base_url="http://platekeeper", headers=headers)


@pytest.mark.clause("B8")
@pytest.mark.clause("G3")
async def test_the_record_is_committed_before_the_first_byte(office: Town) -> None:
    watched = FirstByte(office)
    async with watched.client(office.person("officer")) as client:
        for door in DOORS:
            assert (await knock(client, door)).is_success
    for number, committed in enumerate(watched.committed, start=1):
        last = committed[-1]
        assert (last.number, last.outcome, last.kind) == (number, "allowed", "plate_data")
    assert len(watched.committed) == len(DOORS)


@pytest.mark.clause("B8")
async def test_a_refusal_too_is_recorded_before_it_is_said(office: Town) -> None:
    watched = FirstByte(office)
    async with watched.client(office.person("recruit", trained=False)) as client:
        for door in DOORS:
            answer = await knock(client, door)
            assert (answer.status_code, answer.json()["code"]) == (403, "training_missing")
    for number, committed in enumerate(watched.committed, start=1):
        last = committed[-1]
        assert (last.number, last.outcome, last.code, last.clause) == (number, "refused", "training_missing", "C2")
    assert len(watched.committed) == len(DOORS)


@pytest.mark.clause("B8")
async def test_without_a_record_there_is_no_data(office: Town) -> None:
    await run_sql(office, "CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'broken'); END")
    officer, recruit = office.person("officer"), office.person("recruit", trained=False)
    async with office.client(officer) as trained, office.client(recruit) as untrained:
        for door in DOORS:
            for client in (trained, untrained):
                answer = await knock(client, door)
                told = answer.json()
                assert (answer.status_code, told["code"], told["clause"]) == (503, "audit_unavailable", "B8")
                assert shows_nothing(answer)
        await run_sql(office, "DROP TRIGGER broken")
        assert records(office) == []
        assert (await knock(trained, SEARCH)).status_code == 201
        assert (await knock(untrained, SEARCH)).status_code == 403
    assert [record.number for record in records(office)] == [1, 2]


@pytest.mark.clause("B8")
async def test_without_the_outbox_there_is_no_data(office: Town) -> None:
    await run_sql(office, "DROP TABLE outbox")
    async with office.client(office.person("officer")) as client:
        for door in DOORS:
            answer = await knock(client, door)
            assert answer.status_code == 503
            assert shows_nothing(answer)


@pytest.mark.clause("B8")
async def test_no_data_while_records_cannot_be_delivered(office: Town) -> None:
    async with office.client(office.person("officer")) as client:
        assert (await knock(client, SEARCH)).is_success
        office.clock.advance(minutes=5)
        assert (await knock(client, SEARCH)).is_success
        office.clock.advance(minutes=1)
        for door in DOORS:
            answer = await knock(client, door)
            assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
            assert shows_nothing(answer)
        room = office.standing.rooms["retention"]
        await Relay(room.db, office.standing.foundation.bus, "retention").send()
        assert records(office) == []
        for door in DOORS:
            assert (await knock(client, door)).is_success


@pytest.mark.clause("G3")
async def test_each_page_of_a_search_is_a_record_of_its_own(office: Town) -> None:
    officer = office.person("officer", title="Detective")
    window = {"from": "2026-11-22T03:00:00-08:00", "to": "2026-11-22T13:00:00Z"}
    corners = [(34.0, -118.0), (34.0, -117.5), (34.5, -117.75)]
    around = {"polygon": [{"latitude": north, "longitude": east} for north, east in corners]}
    asked = {"prefix": "8abc", "area": around, "cameras": ["north-gate", "car-12"], **window}
    async with office.client(officer) as client:
        first = await search(client, **asked, limit=1, requested_by="Sergeant Ruiz")
        second = await search(client, **asked, limit=1, cursor=first["next_cursor"])
    one, two = records(office)
    assert one.action == two.action == "reads.search"
    assert (one.username, one.name, one.organisation) == (officer.username, officer.name, officer.organisation)
    assert (one.agency_id, one.subject, one.title) == (officer.agency_id, officer.subject, "Detective")
    assert (one.purpose, one.matter_type, one.matter_number) == ("stolen_vehicle", "criminal", "26-004711")
    assert (one.requested_by, two.requested_by) == ("Sergeant Ruiz", None)
    assert one.policy_version == office.standing.foundation.policies.of(AGENCY).version
    assert one.at == office.clock()
    assert (one.number, two.number) == (1, 2)
    assert (one.result_count, one.result_ids) == (1, ("read-0002",))
    assert (two.result_count, two.result_ids) == (1, ("read-0001",))
    query = {
        "pattern": "8ABC*",
        "area": around,
        "from": "2026-11-22T11:00:00+00:00",
        "to": "2026-11-22T13:00:00+00:00",
        "cameras": ["car-12", "north-gate"],
        "search_id": first["search_id"],
        "limit": 1,
    }
    assert (await elements(office, one)) == query
    assert (await elements(office, two)) == query | {"after": "read-0002"}
    assert second["next_cursor"] is None
    assert b"8ABC" not in b"".join(data for (data,) in rows(office, "SELECT data FROM outbox"))


@pytest.mark.clause("G3")
async def test_a_search_that_finds_nothing_is_recorded_too(office: Town) -> None:
    async with office.client(office.person("officer")) as client:
        await search(client, plate="9XYZ999")
    (record,) = records(office)
    assert (record.result_count, record.result_ids, (await elements(office, record))["plate"]) == (0, (), "9XYZ999")


@pytest.mark.clause("G3")
async def test_views_name_the_read_and_the_picture(office: Town) -> None:
    async with office.client(office.person("officer")) as client:
        for door in DOORS[1:]:
            assert (await knock(client, door)).is_success
    about = {"read_id": "read-0001", "version": 1}
    assert [(record.action, (await elements(office, record))) for record in records(office)] == [
        ("read.view", about),
        ("image.view", about | {"picture": "image"}),
        ("image.view", about | {"picture": "crop"}),
    ]
    assert {record.result_ids for record in records(office)} == {("read-0001",)}


async def refused(office: Town, who: Caller | None, door: tuple[str, str], **asked: Any) -> tuple[int, str, str | None]:
    """What the caller was told; the one record that it left says the same."""
    before = len(records(office))
    async with office.client(who) as client:
        answer = await knock(client, door, **asked)
    assert shows_nothing(answer)
    told = answer.json()
    if who is not None:
        (record,) = records(office)[before:]
        assert (record.outcome, record.code, record.clause) == ("refused", told["code"], told.get("clause"))
        assert (record.subject, record.result_count, record.result_ids) == (who.subject, 0, ())
        sent = {name: value for name, value in (USE | asked).items() if value is not None}
        plate = {"plate": "8ABC123"} if door == SEARCH else {}
        assert (await elements(office, record)) == plate | sent | {"asked": " ".join(door)}
        assert record.purpose == (sent["purpose"] if sent.get("purpose") in PURPOSES else NOT_STATED)
        assert record.matter_type == (sent["matter_type"] if sent.get("matter_type") in USE.values() else None)
        assert record.matter_number == (sent.get("matter_number", "").strip() or None)
    return answer.status_code, told["code"], told.get("clause")


@pytest.mark.clause("C2")
@pytest.mark.clause("A2")
@pytest.mark.clause("A3")
async def test_who_may_not_is_refused_and_recorded(office: Town) -> None:
    recruit = office.person("recruit", trained=False)
    lapsed = office.person("lapsed", training_until=office.clock())
    for door in DOORS:
        assert await refused(office, recruit, door) == (403, "training_missing", "C2")
        assert await refused(office, lapsed, door) == (403, "training_missing", "C2")
        assert await refused(office, office.person("chief", "administrator"), door) == (403, "not_allowed", "A2")
        assert await refused(office, office.person("inspector", "auditor"), door) == (403, "not_allowed", "A2")
        assert await refused(office, office.device("gateway-1"), door) == (403, "not_allowed", "A3")
        assert await refused(office, None, door) == (401, "token_missing", "G2")
        assert records(office)[-1].subject == "gateway-1"


@pytest.mark.clause("A1")
@pytest.mark.clause("A8")
async def test_a_use_without_purpose_or_matter_is_refused_and_recorded(office: Town) -> None:
    officer = office.person("officer")
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"purpose": None}, "purpose_required", "A1"),
        ({"purpose": ""}, "purpose_required", "A1"),
        ({"purpose": "patrol"}, "purpose_required", "A1"),
        ({"purpose": "other_le"}, "reason_required", "A1"),
        ({"purpose": "other_le", "reason": "  "}, "reason_required", "A1"),
        ({"matter_type": None}, "matter_required", "A8"),
        ({"matter_type": "curiosity"}, "matter_required", "A8"),
        ({"matter_number": None}, "matter_number_required", "A8"),
        ({"matter_number": " "}, "matter_number_required", "A8"),
    ]
    for door in DOORS:
        for asked, code, clause in cases:
            assert await refused(office, officer, door, **asked) == (422, code, clause)
    async with office.client(officer) as client:
        assert (await knock(client, SEARCH, matter_type="patrol", matter_number=None)).is_success
        assert (await knock(client, SEARCH, purpose="other_le", reason="welfare check")).is_success
    assert (await elements(office, records(office)[-1]))["reason"] == "welfare check"


@pytest.mark.clause("J4")
async def test_nothing_is_shown_for_immigration_enforcement(office: Town) -> None:
    officer = office.person("officer")
    for door in DOORS:
        for said in (
            {"purpose": "immigration"},
            {"purpose": "other_le", "reason": "immi-gration sweep"},
            {"matter_number": "ICE hold 7"},
            {"requested_by": "Border Patrol"},
        ):
            assert await refused(office, officer, door, **said) == (403, "immigration_refused", "J4")


@pytest.mark.clause("H1")
async def test_asking_for_another_agencys_read_is_recorded_as_refused(office: Town) -> None:
    other = office.person("harbour-officer", agency_id=HARBOR)
    for door in DOORS[1:]:
        assert await refused(office, other, door) == (404, "read_unknown", None)


async def test_a_question_that_cannot_be_asked_is_recorded_too(office: Town) -> None:
    officer = office.person("officer")
    assert await refused(office, officer, SEARCH, prefix="8A") == (422, "query_invalid", None)
    assert await refused(office, officer, SEARCH, limit=0) == (422, "invalid_request", None)
    assert await refused(office, officer, SEARCH, cursor="AAAA") == (422, "cursor_invalid", None)
