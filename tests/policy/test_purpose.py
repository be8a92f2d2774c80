"""Purpose and matter through the doors of hotlist, retention, release and accounts, department by department."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
from profiles import DEPARTMENTS
from standing import Town, eventually, town

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common import ids
from platekeeper_common.access import unseal
from platekeeper_common.caller import Caller, Terminal
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.recognition import Model, PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, ReadId
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("department", DEPARTMENTS)]
Door = tuple[str, str, dict[str, Any]]

PLATE = "8ABC123"
CRIMINAL = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
PATROL = {"purpose": "routine_patrol", "matter_type": "patrol"}
SEARCH: Door = ("POST", "/v1/searches", {"plate": PLATE})
LIST: Door = ("POST", "/v1/hotlists", {"name": "Stolen", "source": "dept"})
HITS: Door = ("GET", "/v1/hits", {})
IMAGE: Door = ("GET", "/v1/reads/some/image", {})
WINDOW = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}
REQUEST: Door = ("POST", "/v1/release-requests", {"scope": {"plates": [PLATE], **WINDOW}})
ASKS_OTHERS = ("pomona", "galt", "la-port")
"""Departments that receive written requests; the others open no such door at all (I5)."""


@dataclass
class Offices:
    """The services, the five agencies in them, and what was recorded."""

    town: Town
    said: list[AccessRecorded] = field(default_factory=list)

    def person(self, department: str, *roles: str, **more: Any) -> Caller:
        username = more.pop("username", f"{'-'.join(roles) or 'officer'}-{ids.new()[-6:]}")
        return self.town.person(username, *(roles or ("officer",)), agency_id=AgencyId(f"{department}-pd"), **more)

    async def knock(self, who: Caller | str, door: Door, **stated: Any) -> httpx.Response:
        """The answer of a door to a person, or to a token."""
        method, path, body = door
        async with self.town.client() as client:
            client.headers["authorization"] = f"Bearer {who if isinstance(who, str) else self.town.token(who)}"
            if method == "GET":
                return await client.get(path, params=body | stated)
            return await client.request(method, path, json=body | stated)

    async def choose(self, who: Caller | str, **chosen: Any) -> httpx.Response:
        return await self.knock(who, ("PUT", "/v1/session/matter", {}), **chosen)

    async def chosen(self, who: Caller | str, **chosen: Any) -> tuple[str, dict[str, Any]]:
        """The token and the matter that it carries."""
        answer = await self.choose(who, **chosen)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"], answer.json()["matter"]

    async def record(self, **facts: Any) -> AccessRecorded:
        """The record that says so."""

        def said() -> list[AccessRecorded]:
            return [one for one in self.said if all(getattr(one, name) == fact for name, fact in facts.items())]

        found: list[AccessRecorded] = await eventually(said)
        return found[-1]

    async def words(self, record: AccessRecorded) -> Mapping[str, Any]:
        """What a record keeps sealed."""
        assert record.query is not None
        keys = self.town.standing.foundation.keys
        return dict(json.loads(await unseal(keys, record.id, record.query)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Offices]:
    services = (HOTLIST, RETENTION, RELEASE, ACCOUNTS)
    async with town(tmp_path_factory.mktemp("town") / "var", services) as standing:
        # Accounts' keys are asked for anew when ten seconds have passed.
        standing.clock.advance(seconds=11)
        offices = Offices(standing)
        for name in DEPARTMENTS:
            await standing.open_agency(AgencyId(f"{name}-pd"), name)

        async def hear(event: Event) -> None:
            assert isinstance(event, AccessRecorded)
            offices.said.append(event)

        bus = standing.standing.foundation.bus
        listening = asyncio.create_task(bus.follow(AccessRecorded.topic, hear, lambda: None))
        yield offices
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body.get("code", ""), body.get("clause")


def doors(department: str) -> tuple[Door, ...]:
    return (SEARCH, LIST, HITS, IMAGE, *((REQUEST,) if department in ASKS_OTHERS else ()))


@pytest.mark.clause("A1")
@pytest.mark.clause("A4")
async def test_who_chose_no_matter_is_told_where_to_choose_one(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    for door in doors(department):
        answer = await here.knock(detective, door)
        assert told(answer) == (422, "purpose_required", "A1"), door
        assert "PUT /v1/session/matter" in answer.json()["detail"]
        assert told(await here.knock(detective, door, **CRIMINAL | {"purpose": "theft"}))[1:] == (
            "purpose_required",
            "A1",
        )
    assert told(await here.choose(detective, matter_type="criminal")) == (422, "purpose_required", "A1")


@pytest.mark.clause("A1")
@pytest.mark.clause("A4")
@pytest.mark.clause("A5")
async def test_within_a_matter_a_search_carries_only_the_plate(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    token, matter = await here.chosen(detective, **CRIMINAL)
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert (record.purpose, record.matter_type, record.matter_number) == tuple(CRIMINAL.values())
    assert record.context == "investigation"
    assert record.policy_version.startswith(f"{department}-")
    name = f"Stolen {ids.new()}"
    opened = await here.knock(token, LIST, name=name)
    assert opened.status_code == 201, opened.text
    entry = {"plate": PLATE, "category": "stolen_vehicle", "reason": "Taken from Holt Avenue"}
    listed = await here.knock(token, ("POST", f"/v1/hotlists/{opened.json()['id']}/entries", entry))
    assert (listed.status_code, listed.json()["purpose"]) == (201, "stolen_vehicle")
    assert (await here.knock(token, HITS)).status_code == 200
    assert told(await here.knock(token, IMAGE)) == (404, "read_unknown", None)
    refused = await here.record(matter_session=matter["id"], code="read_unknown")
    assert refused.purpose == "stolen_vehicle"
    if department in ASKS_OTHERS:
        assert (await here.knock(token, REQUEST)).json()["code"] == "request_incomplete"


@pytest.mark.clause("A4")
async def test_a_matter_lasts_an_hour_and_changes_or_ends_at_any_time(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    door: Door = ("GET", "/v1/session/matter", {})
    assert (await here.knock(detective, door)).json() == {"matter": None}
    token, matter = await here.chosen(detective, **CRIMINAL)
    shown = (await here.knock(token, door)).json()["matter"]
    assert shown == matter
    assert shown["until"] == (here.town.clock() + timedelta(minutes=60)).isoformat().replace("+00:00", "Z")
    verify = here.town.standing.foundation.verifier.verify
    assert (await verify(token)).expires_at == detective.expires_at
    changed, other = await here.chosen(token, **CRIMINAL | {"purpose": "missing_person"})
    assert other["id"] != matter["id"]
    caller = await verify(changed)
    ended = (await here.knock(changed, ("DELETE", "/v1/session/matter", {}))).json()
    assert ended["matter"] is None
    assert told(await here.knock(ended["access_token"], SEARCH)) == (422, "purpose_required", "A1")
    assert told(await here.knock(ended["access_token"], ("DELETE", "/v1/session/matter", {})))[1] == "matter_unknown"
    await here.town.let_pass(minutes=61)
    late = here.person(department, "investigator", matter=caller.matter)
    answer = await here.knock(late, SEARCH)
    assert told(answer) == (422, "matter_expired", "A4")
    assert "PUT /v1/session/matter" in answer.json()["detail"]
    assert (await here.knock(late, SEARCH, **CRIMINAL)).status_code == 201


@pytest.mark.clause("A2")
async def test_a_purpose_is_for_the_roles_and_acts_that_the_profile_gives_it(here: Offices, department: str) -> None:
    officer, detective = here.person(department, "officer"), here.person(department, "investigator")
    homeland = CRIMINAL | {"purpose": "homeland_security"}
    assert told(await here.knock(officer, SEARCH, **homeland)) == (403, "purpose_not_allowed", "A2")
    assert told(await here.choose(officer, **homeland)) == (403, "purpose_not_allowed", "A2")
    assert (await here.knock(detective, SEARCH, **homeland)).status_code == 201
    dispatcher = here.person(department, "dispatcher")
    token, _ = await here.chosen(dispatcher, **PATROL)
    assert told(await here.knock(token, LIST)) == (403, "purpose_not_allowed", "A2")
    if department in ASKS_OTHERS:
        assert told(await here.knock(token, REQUEST)) == (403, "purpose_not_allowed", "A2")
    record = await here.record(subject=dispatcher.subject, code="purpose_not_allowed")
    assert (record.purpose, record.clause) == ("routine_patrol", "A2")


@pytest.mark.clause("A3")
async def test_a_service_account_searches_nothing(here: Offices, department: str) -> None:
    machine = here.person(department, "service")
    for door in doors(department):
        assert told(await here.knock(machine, door, **CRIMINAL)) == (403, "shared_account", "A3")


@pytest.mark.clause("A8")
async def test_administrative_matters_are_for_one_named_role(here: Offices, department: str) -> None:
    inner = {
        "purpose": "other_le",
        "reason": "Complaint 26-19 about a pursuit on Mission Boulevard",
        "matter_type": "administrative",
        "matter_number": "IA-26-19",
    }
    for role in ("officer", "investigator", "administrator"):
        assert told(await here.choose(here.person(department, role), **inner)) == (403, "purpose_not_allowed", "A8")
    assert told(await here.knock(here.person(department), SEARCH, **inner)) == (403, "purpose_not_allowed", "A8")
    token, _ = await here.chosen(here.person(department, "internal_affairs"), **inner)
    assert (await here.knock(token, SEARCH)).status_code == 201


@pytest.mark.clause("A8")
async def test_a_numbered_matter_names_a_number_that_can_be_looked_up(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    for number in ("0000", "n/a", "test", "123", "none", "TBD", "TBD-1", "test-1", "99999", "00-0000", "26", "asdf1"):
        for answer in (
            await here.choose(detective, **CRIMINAL | {"matter_number": number}),
            await here.knock(detective, SEARCH, **CRIMINAL | {"matter_number": number}),
        ):
            assert told(answer) == (422, "matter_number_made_up", "A8"), number
            assert "number_pending" in answer.json()["detail"]
    for matter_type in ("criminal", "civil"):
        asked = {"purpose": "stolen_vehicle", "matter_type": matter_type}
        answer = await here.choose(detective, **asked)
        assert told(answer) == (422, "matter_number_required", "A8")
        assert "number_pending" in answer.json()["detail"]
    unnamed = {"purpose": "stolen_vehicle", "matter_type": "other"}
    assert told(await here.choose(detective, **unnamed)) == (422, "matter_number_required", "A4")
    pending = await here.knock(detective, SEARCH, **CRIMINAL | {"matter_number": None}, number_pending=True)
    assert told(pending) == (422, "number_pending_unchosen", "A8")


@pytest.mark.clause("A8")
async def test_a_pending_number_is_supplied_later_and_recorded(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    token, matter = await here.chosen(detective, purpose="stolen_vehicle", matter_type="criminal", number_pending=True)
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert (record.number_pending, record.matter_number) == (True, None)
    door = ("POST", f"/v1/matters/{matter['id']}/number", {"matter_number": "26-005812"})
    stranger = here.person("galt" if department == "pomona" else "pomona", "administrator")
    for other in (here.person(department, "investigator"), stranger):
        assert told(await here.knock(other, door)) == (404, "matter_unknown", None)
    assert told(await here.knock(detective, door, matter_number="n/a")) == (422, "matter_number_made_up", "A8")
    supplied = await here.knock(detective, door)
    assert (supplied.status_code, supplied.json()["number"], supplied.json()["number_pending"]) == (
        *(200, "26-005812", False),
    )
    late = await here.record(action="matter.number", object_id=matter["id"], outcome="allowed")
    assert (late.object_type, late.matter_number, late.outcome) == ("matter_session", "26-005812", "allowed")
    assert told(await here.knock(detective, door)) == (409, "number_known", "A8")


@pytest.mark.clause("A1")
@pytest.mark.clause("A4")
async def test_another_purpose_is_said_in_words_that_tell_something(here: Offices, department: str) -> None:
    officer = here.person(department)
    other = {"purpose": "other_le", "matter_type": "other"}
    assert told(await here.choose(officer, **other)) == (422, "reason_required", "A1")
    for reason in (
        "investigation",
        "test",
        "n/a",
        "police business",
        "asdf jkl",
        "xxxx zzzz",
        "vehicle",
        "12345 678",
        "for work",
        "follow up",
        "per sergeant",
        "suspicious vehicle",
        "see report",
        "1nvest\u00edgation purpose",
    ):
        for answer in (
            await here.choose(officer, **other, reason=reason),
            await here.knock(officer, SEARCH, **other, reason=reason),
        ):
            assert told(answer) == (422, "reason_vague", "A4"), reason
            assert "for example" in answer.json()["detail"]
    token, matter = await here.chosen(officer, **other, reason="Welfare check on a driver overdue since Monday")
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert "Welfare check" in (await here.words(record))["reason"]


@pytest.mark.clause("A4")
@pytest.mark.clause("J4")
async def test_what_no_department_may_do_is_refused_and_kept_for_the_administrator(
    here: Offices, department: str
) -> None:
    other = {"purpose": "other_le", "matter_type": "other"}
    for stated, code, clause in (
        ({"purpose": "personal", "matter_type": "other"}, "purpose_prohibited", "A4"),
        ({"purpose": "spouse_check", "matter_type": "other"}, "purpose_prohibited", "A4"),
        ({"purpose": "curiosity", "matter_type": "other"}, "purpose_prohibited", "A4"),
        (other | {"reason": "Checking on my ex wife and her friend"}, "purpose_prohibited", "A4"),
        (other | {"reason": "A favour for a neighbour on Third Street"}, "purpose_prohibited", "A4"),
        (other | {"reason": "See if my girl\u200b friend is out"}, "purpose_prohibited", "A4"),
        (other | {"reason": "A buddy of mine asked about this \u0441ar"}, "purpose_prohibited", "A4"),
        (PATROL | {"unit": "my ex wife"}, "purpose_prohibited", "A4"),
        ({"purpose": "immigration", "matter_type": "other"}, "immigration_refused", "J4"),
        (other | {"reason": "Helping I.C.E. find a car"}, "immigration_refused", "J4"),
        (PATROL | {"shift": "ICE operation"}, "immigration_refused", "J4"),
        (other | {"reason": "Subject of an ICE detainer"}, "immigration_refused", "J4"),
    ):
        for chooses in (True, False):
            officer = here.person(department)
            answer = await (here.choose(officer, **stated) if chooses else here.knock(officer, SEARCH, **stated))
            assert told(answer) == (403, code, clause), stated
            record = await here.record(subject=officer.subject)
            assert (record.outcome, record.code, record.clause) == ("refused", code, clause)
            words = await here.words(record)
            assert words["purpose"] == stated["purpose"]
            assert words.get("reason") == stated.get("reason")
    victim = other | {"reason": "Husband of the victim left in her car after the stabbing"}
    await here.chosen(here.person(department), **victim)


@pytest.mark.clause("A4")
@pytest.mark.clause("J4")
async def test_a_lawful_matter_covers_no_words_that_a_request_adds(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    told_why = {
        "purpose": "other_le",
        "matter_type": "other",
        "reason": "Welfare check on a driver overdue since Monday",
    }
    token, _ = await here.chosen(detective, **told_why)
    hot = (await here.knock(token, LIST, name=f"Overdue {ids.new()}")).json()["id"]
    entry: Door = ("POST", f"/v1/hotlists/{hot}/entries", {"plate": PLATE, "category": "other"})
    partial = {"incident": "26-004711", "incident_type": "homicide", "plate": "7A?C*"}
    report: Door = ("POST", "/v1/reported-partials", partial)
    for words, code, clause in (
        ("My ex girlfriend's car", "purpose_prohibited", "A4"),
        ("Locate this car for ICE", "immigration_refused", "J4"),
    ):
        for door in (SEARCH, HITS, entry, report):
            assert told(await here.knock(token, door, reason=words)) == (403, code, clause), door
        assert told(await here.knock(token, LIST, name=words)) == (403, code, clause)
        assert told(await here.knock(token, entry, reason="Driver overdue", incident=words)) == (403, code, clause)
        assert told(await here.knock(token, report, incident=words)) == (403, code, clause)
    assert (await here.knock(token, SEARCH, reason="Her sister saw the car on Holt Avenue")).status_code == 201
    record = await here.record(subject=detective.subject, action="reads.search", outcome="allowed")
    reason = (await here.words(record))["reason"]
    assert reason == "Welfare check on a driver overdue since Monday; Her sister saw the car on Holt Avenue"


@pytest.mark.clause("A1")
async def test_free_text_is_for_the_purpose_that_no_code_names(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    words = {"reason": "Because the sergeant says so"}
    assert told(await here.choose(detective, **CRIMINAL, **words)) == (422, "reason_not_asked", "A1")
    token, _ = await here.chosen(detective, **CRIMINAL)
    for door in (SEARCH, HITS, IMAGE):
        assert told(await here.knock(token, door, **words)) == (422, "reason_not_asked", "A1"), door
        assert told(await here.knock(detective, door, **CRIMINAL, **words)) == (422, "reason_not_asked", "A1"), door


@pytest.mark.clause("A3")
async def test_whom_a_dispatcher_names_is_somebody_else(here: Offices, department: str) -> None:
    dispatcher = here.person(department, "dispatcher")
    token, _ = await here.chosen(dispatcher, **CRIMINAL)
    for nobody in (" ", "\u200b\u200b", "n/a", "an officer", "x", "---", "0000", dispatcher.username, dispatcher.name):
        answer = await here.knock(token, SEARCH, requested_by=nobody)
        assert told(answer) == (422, "requested_by_required", "A3"), nobody
    for somebody in ("Diaz", "4A12", "Sgt. O'Neill", "badge 4471"):
        assert (await here.knock(token, SEARCH, requested_by=somebody)).status_code == 201, somebody


@pytest.mark.clause("A3")
async def test_a_dispatcher_says_for_whom_she_searches(here: Offices, department: str) -> None:
    dispatcher = here.person(department, "dispatcher")
    token, matter = await here.chosen(dispatcher, **CRIMINAL)
    answer = await here.knock(token, SEARCH)
    assert told(answer) == (422, "requested_by_required", "A3")
    for officer in ("Officer Diaz, 4A12", "Officer Park, 4A31"):
        assert (await here.knock(token, SEARCH, requested_by=officer)).status_code == 201
        record = await here.record(subject=dispatcher.subject, requested_by=officer, action="reads.search")
        assert record.matter_session == matter["id"]
    own = {"purpose": "missing_person", "matter_type": "other", "matter_number": "CAD-26-0071"}
    assert (await here.knock(dispatcher, SEARCH, **own)).status_code == 201
    assert (await here.knock(here.person(department, "officer", "dispatcher"), SEARCH, **CRIMINAL)).status_code == 201


@pytest.mark.clause("A4")
@pytest.mark.clause("A5")
async def test_a_patrol_has_unit_and_shift_and_no_number(here: Offices, department: str) -> None:
    hour = here.town.clock().astimezone(ZoneInfo("America/Los_Angeles")).hour
    duty = "day" if 6 <= hour < 14 else "swing" if 14 <= hour < 22 else "night"
    in_car = here.person(department, terminal=Terminal("unit-4A12", "car"))
    token, matter = await here.chosen(in_car, **PATROL)
    assert (matter["unit"], matter["shift"], matter["number"]) == ("unit-4A12", duty, None)
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert (record.unit, record.shift, record.context, record.matter_number) == ("unit-4A12", duty, "patrol", None)
    on_foot = here.person(department)
    _, matter = await here.chosen(on_foot, **PATROL)
    assert matter["unit"] == on_foot.username
    _, matter = await here.chosen(on_foot, **PATROL, unit="Foot 3", shift="overtime")
    assert (matter["unit"], matter["shift"]) == ("Foot 3", "overtime")
    _, matter = await here.chosen(on_foot, **PATROL)
    assert (matter["unit"], matter["shift"]) == ("Foot 3", "overtime")
    assert (await here.knock(on_foot, SEARCH, **PATROL)).status_code == 201


@pytest.mark.clause("A5")
async def test_reads_meet_the_lists_without_any_case_and_suspicion_is_never_asked(
    here: Offices, department: str
) -> None:
    detective = here.person(department, "investigator")
    plate = f"8{ids.new()[-5:].upper()}"
    token, _ = await here.chosen(detective, **CRIMINAL)
    hot = (await here.knock(token, LIST, name=f"Live {ids.new()}")).json()["id"]
    entry = {"plate": plate, "category": "stolen_vehicle", "reason": "Taken from Holt Avenue"}
    assert (await here.knock(token, ("POST", f"/v1/hotlists/{hot}/entries", entry))).status_code == 201
    now, agency = here.town.clock(), AgencyId(f"{department}-pd")
    read = PlateRead(
        id=ReadId(ids.new()),
        agency_id=agency,
        plate=plate,
        confidence=0.97,
        candidates=(),
        camera_id=CameraId("camera-1"),
        device_id=DeviceId("gateway-1"),
        captured_at=now,
        received_at=now,
        live_until=now + timedelta(minutes=5),
        source="edge",
        model=Model("ppocr", "6.0", "ab" * 32),
    )
    event = PlatesRead(agency_id=agency, camera_id=read.camera_id, reads=(read,))
    await here.town.standing.foundation.bus.publish([event], source="ingest")
    patrol, _ = await here.chosen(here.person(department), **PATROL)

    async def raised() -> bool:
        hits = (await here.knock(patrol, HITS)).json()["hits"]
        return any(hit["read"]["plate"] == plate for hit in hits)

    await eventually(raised)
    refused = await here.knock(patrol, SEARCH, suspicion="none")
    assert told(refused)[:2] == (422, "invalid_request")
