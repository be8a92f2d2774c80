"""Which purposes are for whom, which are for nobody, and what needs none (A1 to A5, A8, J4)."""

from datetime import timedelta

import pytest
from policy.purpose.offices import ASKS_OTHERS, CRIMINAL, HITS, LIST, PATROL, REQUEST, SEARCH, Offices, doors, told
from profiles import DEPARTMENTS
from standing import eventually

from platekeeper_common import ids
from platekeeper_common.events.recognition import Model, PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, ReadId

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("department", DEPARTMENTS)]


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
