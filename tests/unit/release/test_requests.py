"""Written requests and who decides on them (I2, I3, I6, J4, B3, B9)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from profiles import DEPARTMENTS
from unit.accounts.house import certificate
from unit.release.desk import ONTARIO, OTHER_PLATE, PLATE, WINDOW, WITH_REQUESTS, Desk, desk, good, told

from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_release import domain


@pytest.mark.clause("I2", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_a_missing_item_is_named(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        cases: tuple[tuple[dict[str, Any], list[str]], ...] = (
            ({"agency": None}, ["agency"]),
            ({"agency": {"name": "Ontario PD"}}, ["agency"]),
            ({"agency": {"recipient_id": here.recipient, "name": "  "}}, ["agency"]),
            ({"person": None}, ["person"]),
            ({"person": {"title": "Detective"}}, ["person"]),
            ({"intended_purpose": " "}, ["intended_purpose"]),
            ({"agency": None, "person": None, "intended_purpose": None}, ["agency", "person", "intended_purpose"]),
        )
        for different, missing in cases:
            answer = await here.clerk.post("/v1/release-requests", json=here.request(**different))
            assert told(answer) == (422, "request_incomplete", "I2")
            assert answer.json()["missing"] == missing
        assert (await here.receive())["number"] == "R-2026-0001"


@pytest.mark.clause("I6", "corona", "downey")
@pytest.mark.parametrize("department", ["corona", "downey"])
async def test_where_the_manual_knows_no_request_none_is_received(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        answer = await here.clerk.post("/v1/release-requests", json=here.request())
        assert told(answer) == (403, "route_not_open", "I6")
        decided = await here.boss.post("/v1/release-requests/any/decision", json=here.approval())
        assert told(decided) == (403, "route_not_open", "I6")


@pytest.mark.clause("J4")
@pytest.mark.parametrize(
    "different",
    [
        {"intended_purpose": "Locate an undocumented person"},
        {"intended_purpose": "ICE detainer 2026"},
        {"agency": {"recipient_id": "x", "name": "Border Patrol task force"}},
        {"person": {"name": "A. Smith", "title": "Deportation officer"}},
        {"purpose": "other_le", "reason": "immigration check"},
        {"requested_by": "Deportation officer Smith"},
    ],
)
async def test_nothing_is_received_for_immigration_enforcement(here: Desk, different: dict[str, Any]) -> None:
    answer = await here.clerk.post("/v1/release-requests", json=here.request(**different))
    assert told(answer) == (403, "immigration_refused", "J4")
    (record,) = await here.records("release.receive", "refused")
    assert (record.code, record.clause) == ("immigration_refused", "J4")


@pytest.mark.clause("J4")
@pytest.mark.clause("A4")
async def test_nothing_is_approved_for_it_and_a_denial_may_name_it(here: Desk) -> None:
    request_id = (await here.receive())["id"]
    for reason, refusal in (
        ("For ICE, immigration detainer and deportation", (403, "immigration_refused", "J4")),
        ("Favor for a friend of the chief", (403, "purpose_prohibited", "A4")),
    ):
        assert told(await here.decide(request_id, reason=reason)) == refusal
    denied = await here.decide(request_id, outcome="denied", reason="It serves an immigration detainer: SB 54")
    assert good(denied)["status"] == "denied"
    refused = await here.records("release.decide", "refused", most=2)
    assert {record.clause for record in refused} == {"J4", "A4"}


@pytest.mark.clause("A1")
@pytest.mark.clause("A8")
async def test_a_request_carries_a_purpose_and_a_matter(here: Desk) -> None:
    for different, expected in (
        ({"purpose": None}, (422, "purpose_required", "A1")),
        ({"purpose": "traffic_survey"}, (422, "purpose_required", "A1")),
        ({"matter_number": None}, (422, "matter_number_required", "A8")),
    ):
        answer = await here.clerk.post("/v1/release-requests", json=here.request(**different))
        assert told(answer) == expected
    await here.receive()
    (record,) = await here.records("release.receive")
    assert (record.purpose, record.matter_number) == ("stolen_vehicle", "26-004711")
    assert (await here.elements(record))["scope"]["plates"] == [PLATE]


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ({**WINDOW}, "scope_invalid"),
        ({"plates": [PLATE], "pattern": "8A*", **WINDOW}, "scope_invalid"),
        ({"plates": ["8ÄBC"], **WINDOW}, "plate_invalid"),
        ({"pattern": "***", **WINDOW}, "pattern_invalid"),
        ({"pattern": "8A?C*", **WINDOW}, "scope_unbounded"),
        ({"plates": [PLATE], "from": WINDOW["to"], "to": WINDOW["from"]}, "window_invalid"),
        ({"plates": [PLATE], "from": WINDOW["from"]}, "invalid_request"),
        ({"plates": [PLATE], **WINDOW, "area": {}}, "area_invalid"),
        ({"plates": [], **WINDOW}, "invalid_request"),
    ],
)
async def test_a_scope_that_cannot_be_meant_is_refused(here: Desk, scope: dict[str, Any], code: str) -> None:
    answer = await here.clerk.post("/v1/release-requests", json=here.request(scope=scope))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "8Ä" not in answer.text


@on_both
@pytest.mark.clause("I2")
async def test_numbers_have_no_gaps_and_begin_anew_with_the_agencys_year(here: Desk) -> None:
    assert [(await here.receive())["number"] for _ in range(2)] == ["R-2026-0001", "R-2026-0002"]
    await here.clerk.post("/v1/release-requests", json=here.request(person=None))
    assert (await here.receive())["number"] == "R-2026-0003"
    page = good(await here.clerk.get("/v1/release-requests", params={"limit": 2}))
    assert [one["number"] for one in page["requests"]] == ["R-2026-0003", "R-2026-0002"]
    assert PLATE not in str(page)
    rest = good(await here.clerk.get("/v1/release-requests", params={"cursor": page["next_cursor"]}))
    assert ([one["number"] for one in rest["requests"]], rest["next_cursor"]) == (["R-2026-0001"], None)
    wrong = await here.clerk.get("/v1/release-requests", params={"cursor": "R-1"})
    assert told(wrong) == (422, "cursor_invalid", None)


async def test_the_year_is_that_of_the_agencys_clock() -> None:
    agency = Agency(AgencyId("a"), "A", "CA0000000", "America/Los_Angeles", "pomona", "test", False)
    assert domain.year_of(agency, datetime(2027, 1, 1, 7, 59, tzinfo=UTC)) == 2026
    assert domain.year_of(agency, datetime(2027, 1, 1, 8, 0, tzinfo=UTC)) == 2027


@pytest.mark.clause("I3", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_the_holder_of_the_post_decides_once_and_never_on_an_own_entry(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        request_id = (await here.receive())["id"]
        path = f"/v1/release-requests/{request_id}/decision"
        answer = await here.clerk.post(path, json=here.approval())
        assert told(answer) == (403, "not_approver", "I3")
        decided = good(await here.decide(request_id))["decision"]
        assert (decided["post"], decided["decided_by"]) == ("administrator", here.people["boss"])
        for outcome in ("approved", "denied"):
            again = await here.decide(request_id, outcome=outcome, reason="second thoughts")
            assert told(again) == (409, "already_decided", "I3")
        own = good(await here.boss.post("/v1/release-requests", json=here.request()))
        assert told(await here.decide(own["id"])) == (403, "requester_decides", "I3")
        refused = await here.records("release.decide", "refused", most=4)
        assert {record.code for record in refused} == {"not_approver", "already_decided", "requester_decides"}


@pytest.mark.clause("B9", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_a_vacant_post_blocks_approval(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department, post=False) as here:
        request_id = (await here.receive())["id"]
        answer = await here.decide(request_id)
        assert told(answer) == (409, "post_vacant", "B9")
        assert "acts meanwhile: Chief of" in answer.json()["detail"]
        good(await here.boss.put("/v1/posts/administrator", json={"account_id": here.people["boss"]}))
        assert good(await here.decide(request_id))["status"] == "approved"


@pytest.mark.clause("I3")
@pytest.mark.clause("B9")
async def test_a_post_that_changed_hands_counts_at_once(here: Desk) -> None:
    first, second = (await here.receive())["id"], (await here.receive())["id"]
    good(await here.decide(first))
    good(await here.boss.put("/v1/posts/administrator", json={"account_id": here.people["sergeant"]}))
    assert told(await here.decide(second)) == (403, "not_approver", "I3")
    sergeant = await here.house.login("sergeant")
    good(await sergeant.put("/v1/posts/administrator", json={"account_id": None}))
    assert told(await here.decide(second)) == (409, "post_vacant", "B9")


@pytest.mark.clause("B3", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_a_designee_decides_until_the_delegation_ends(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        first, second = (await here.receive())["id"], (await here.receive())["id"]
        lieutenant = await here.house.hire(here.boss, "lieutenant", "dispatcher")
        sergeant = await here.house.login("sergeant")
        good(await sergeant.post("/v1/training-certificates", json=certificate(here.house, lieutenant)))
        designee = await here.house.login("lieutenant")
        path = "/v1/release-requests/{}/decision"
        assert told(await designee.post(path.format(first), json=here.approval())) == (403, "not_approver", "I3")
        ends = (here.clock() + timedelta(minutes=4)).isoformat()
        body = {"post": "administrator", "account_id": lieutenant, "acts": ["release.decide"], "ends": ends}
        given = good(await here.boss.post("/v1/delegations", json=body))["id"]
        decided = good(await designee.post(path.format(first), json=here.approval()))["decision"]
        assert (decided["post"], decided["decided_by"]) == ("administrator", lieutenant)
        (record,) = await here.records("release.decide")
        assert (record.post, record.authority) == ("administrator", f"delegation:{given}")
        here.clock.advance(minutes=4)
        assert told(await designee.post(path.format(second), json=here.approval())) == (403, "not_approver", "I3")


@on_both
@pytest.mark.clause("I3")
async def test_an_approval_ends_lies_within_the_request_and_a_denial_says_why(here: Desk) -> None:
    request_id = (await here.receive(scope={"plates": [PLATE, OTHER_PLATE], **WINDOW}))["id"]
    earlier = (here.clock() - timedelta(minutes=1)).isoformat()
    wider = {"from": "2026-11-22T11:00:00Z", "to": WINDOW["to"]}
    for different, code in (
        ({"expires_at": None}, "expiry_required"),
        ({"expires_at": earlier}, "expiry_required"),
        ({"outcome": "denied", "reason": "  "}, "reason_required"),
        ({"scope": {"plates": [PLATE, "1AAA111"], **WINDOW}}, "scope_not_narrower"),
        ({"scope": {"plates": [PLATE], **wider}}, "scope_not_narrower"),
        ({"scope": {"pattern": "8ABC*", **WINDOW}}, "scope_not_narrower"),
    ):
        assert told(await here.decide(request_id, **different)) == (422, code, "I3")
    narrower = {"plates": [PLATE], "from": WINDOW["from"], "to": "2026-11-22T12:30:00Z"}
    decided = good(await here.decide(request_id, scope=narrower))
    assert decided["decision"]["opens"] == {
        "plates": [PLATE],
        "from": "2026-11-22T12:00:00Z",
        "to": "2026-11-22T12:30:00Z",
    }
    manifest = good(await here.fulfil(request_id))["fulfilment"]["manifest"]
    assert manifest["scope"] == decided["decision"]["opens"]


@pytest.mark.parametrize("name", ["Ontario PD\n— forged", "Ontario\x07", "Ontario \u202edP"])
async def test_names_are_one_line_that_shows_what_it_says(here: Desk, name: str) -> None:
    written = {"agency": {"recipient_id": here.recipient, "name": name}}
    for different in (written, {"person": {"name": name}}, {"document": {"reference": name}}):
        answer = await here.clerk.post("/v1/release-requests", json=here.request(**different))
        assert told(answer)[:2] == (422, "invalid_request")
        assert name not in answer.json()["detail"]
    assert told(await here.boss.post("/v1/recipients", json=ONTARIO | {"name": name}))[:2] == (422, "invalid_request")


@on_both
@pytest.mark.clause("H1")
async def test_another_agencys_request_is_not_there(here: Desk) -> None:
    request_id = await here.approved()
    good(await here.fulfil(request_id))
    await here.house.open_agency(id="galt-pd", name="Galt", profile="galt")
    admin = await here.house.platform()
    stranger_id = await here.house.hire(admin, "galtboss", "administrator", agency_id="galt-pd")
    stranger = await here.house.login("galtboss")
    good(await stranger.put("/v1/posts/training_owner", json={"account_id": stranger_id}))
    other = await here.house.hire(stranger, "galtclerk", "administrator")
    good(await stranger.post("/v1/training-certificates", json=certificate(here.house, other)))
    stranger = await here.house.login("galtclerk")
    for method, path in (("GET", ""), ("GET", "/package"), ("POST", "/fulfilment")):
        answer = await stranger.request(method, f"/v1/release-requests/{request_id}{path}")
        assert told(answer) == (404, "request_unknown", None)
    assert good(await stranger.get("/v1/release-requests"))["requests"] == []
    assert good(await stranger.get("/v1/recipients")) == []


def test_every_department_is_thought_of() -> None:
    assert set(WITH_REQUESTS) | {"corona", "downey"} == set(DEPARTMENTS)
