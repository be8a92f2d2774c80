"""Words that come with a request, department by department: read, kept, and asked for only where they belong."""

import pytest
from policy.purpose.offices import CRIMINAL, HITS, IMAGE, LIST, PLATE, SEARCH, Door, Offices, told
from profiles import DEPARTMENTS

from platekeeper_common import ids

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("department", DEPARTMENTS)]


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
