"""G4 and B7 through the door: audits at the profile's cadence, who may review and sign, the plan and its reports."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS, department
from standing import AGENCY, Town, eventually, town
from unit.ledger.auditing import ORDINARY, UNNUMBERED, Records, queued, records_of, sent, told, watched

from platekeeper_access_audit.accounts.policy import TitlesPolicy
from platekeeper_access_audit.ledger.audits import domain, sampling
from platekeeper_access_audit.ledger.policy import AuditsPolicy, LedgerPolicy
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common.access import Use
from platekeeper_common.actions import Action
from platekeeper_common.rules import RULES

OTHER = Use(purpose="other_le", matter_type="criminal", matter_number="26-0117", reason="welfare check")
REVIEWED = {"finding": "the case number is that of a stolen car", "disposition": "no_violation"}
NEW_YEAR = datetime(2027, 1, 1, 9, 0, tzinfo=UTC)
"""An hour after midnight in California: the fourth quarter of 2026 is over."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """The ledger standing."""
    async with town(tmp_path / "var", (LEDGER,)) as here:
        yield here


async def until(here: Town, moment: datetime) -> None:
    await here.let_pass(seconds=(moment - here.clock()).total_seconds())


async def opened(here: Town, client: httpx.AsyncClient, count: int = 1) -> dict[str, Any]:
    """The newest audit, in full, once there are `count`."""
    await eventually(lambda: len(here.rows("ledger", "SELECT id FROM audit")) >= count)
    (newest, *_) = (await client.get("/v1/audits")).json()["audits"]
    shown: dict[str, Any] = (await client.get(f"/v1/audits/{newest['id']}")).json()
    return shown


async def review(client: httpx.AsyncClient, audit: dict[str, Any], record: dict[str, Any]) -> httpx.Response:
    return await client.post(f"/v1/audits/{audit['id']}/records/{record['record_id']}", json=REVIEWED)


async def sign(client: httpx.AsyncClient, audit: dict[str, Any]) -> httpx.Response:
    return await client.post(f"/v1/audits/{audit['id']}/sign-off", json={"conclusion": "use was as the policy wants"})


@on_both
@pytest.mark.clause("G4")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_an_audit_is_opened_reviewed_and_signed_off(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    records, approver = Records(here), department(name).section(AuditsPolicy).approver
    await sent(here, *[await records.search() for _ in range(3)], await records.search("chief", use=OTHER))
    await until(here, NEW_YEAR + timedelta(minutes=2))
    async with (
        here.client(here.person("chief", "auditor", title=approver)) as chief,
        here.client(here.person("commander", "administrator", title="Commander")) as commander,
        here.client(here.person("inspector", "auditor", title="Auditor")) as inspector,
    ):
        audit = await opened(here, inspector)
        assert (audit["period"], audit["cadence"], audit["state"]) == ("2026-Q4", "quarterly", "open")
        assert (audit["population"], audit["risky"]) == (4, 1)
        assert datetime.fromisoformat(audit["due_at"]) == datetime(2027, 1, 31, 8, tzinfo=UTC)
        early = await sign(chief, audit)
        assert (early.status_code, early.json()["code"]) == (409, "audit_unfinished")
        own = [record for record in audit["sample"] if record["username"] == "chief"]
        refused = await review(chief, audit, own[0])
        assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (403, "own_review", "G4")
        for record in audit["sample"]:
            assert (await review(inspector, audit, record)).status_code == 200
        assert (await review(inspector, audit, own[0])).json()["code"] == "record_reviewed"
        alone = await sign(inspector, audit)
        assert (alone.status_code, alone.json()["code"]) == (403, "own_sign_off")
        other = await sign(commander, audit)
        assert (other.status_code, other.json()["code"]) == (403, "not_approver")
        assert f"signed off by the {approver}" in other.json()["detail"]
        signed = await sign(chief, audit)
        assert (signed.status_code, signed.json()["state"]) == (200, "signed_off")
        assert (await sign(chief, audit)).json()["code"] == "audit_signed_off"
        report = (await opened(here, chief))["report"]
        assert report["frequency"] == "quarterly"
        assert report["performers"] == [{"name": "Inspector", "title": "Auditor"}]
        assert report["approver"] == {"name": "Chief", "title": approver}
        assert report["method"]["seed"] == audit["seed"]
        assert report["record_retention"] == "access records 5 years; this report for good"
        assert report["dispositions"] == {"no_violation": 4}
        assert domain.digest(report) == signed.json()["report_sha256"]
        assert (await chief.get("/v1/audits")).json()["last_signed_off"] == signed.json()["signed_off_at"]
        recorded = await records_of(here, inspector, "audit.sign_off", 5)
        (allowed,) = [one for one in recorded if one["outcome"] == "allowed"]
        assert allowed["object_id"] == f"{audit['id']}/sha256:{signed.json()['report_sha256']}"
        plan = (await chief.get("/v1/monitoring-plan")).json()
        assert plan["last_audit"] == signed.json()["signed_off_at"]


@pytest.mark.clause("G4")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_who_reviews_and_who_signs_bear_titles_that_the_department_has(name: str) -> None:
    """No account bears a title that is not in the register (B5): else no audit could ever be signed off."""
    profile = department(name)
    audits, register = profile.section(AuditsPolicy), profile.section(TitlesPolicy).authorised
    for title, action in ((audits.approver, Action.AUDIT_SIGN_OFF), (audits.reviewer, Action.AUDIT_REVIEW)):
        (entry,) = [one for one in register if one.title == title]
        assert set(entry.roles) & RULES[action].roles, (title, action)


@pytest.mark.clause("G4")
async def test_anybody_can_draw_the_sample_again(here: Town) -> None:
    records, policy = Records(here), department("pomona").section(AuditsPolicy)
    searches = [await records.search(f"officer{n % 7}") for n in range(120)]
    risky = [await records.search(f"officer{n % 7}", use=replace(OTHER, matter_session=str(n))) for n in range(60)]
    await sent(here, *searches, *risky)
    await until(here, NEW_YEAR + timedelta(minutes=2))
    async with here.client(here.person("inspector", "auditor")) as inspector:
        audit = await opened(here, inspector)
        assert audit["population"] == 180
        drawn = [record["record_id"] for record in audit["sample"]]
        assert len(drawn) == len(set(drawn)) == policy.random_sample + policy.risk_sample
        everything = [record.id for record in searches + risky]
        by_lot = sorted(everything, key=lambda record_id: sampling.lot(audit["seed"], record_id))
        assert drawn[: policy.random_sample] == by_lot[: policy.random_sample]
        of_risk = {record.id for record in risky} | set(audit["findings"])
        further = [record_id for record_id in by_lot[policy.random_sample :] if record_id in of_risk]
        assert drawn[policy.random_sample :] == further[: policy.risk_sample]
        checkpoints = (await inspector.get("/v1/checkpoints", params={"limit": 500})).json()["checkpoints"]
        roots = {one["size"]: one["root"] for one in checkpoints}
        assert roots[audit["tree_size"]] == audit["root"]


@on_both
@pytest.mark.clause("G4")
async def test_an_audit_that_is_overdue_alarms_once(here: Town) -> None:
    await sent(here, await Records(here).search())
    await until(here, NEW_YEAR + timedelta(minutes=2))
    await eventually(lambda: here.rows("ledger", "SELECT id FROM audit"))
    assert here.rows("ledger", "SELECT id FROM alert") == []
    await until(here, datetime(2027, 1, 31, 8, 1, tzinfo=UTC))
    async with here.client(here.person("chief", "administrator")) as chief:
        (alert,) = await told(here, chief)
        assert (alert["kind"], alert["clause"]) == ("audit_overdue", "G4")
        assert alert["sentence"] == "The audit of 2026-Q4 was due on 2027-01-31 and is not signed off."
        assert (await opened(here, chief))["state"] == "overdue"
        await here.let_pass(minutes=5)
    assert "platekeeper_ledger_audits_overdue" in await figures(here)
    assert len(here.rows("ledger", "SELECT id FROM alert")) == 1


async def figures(here: Town) -> dict[str, float]:
    """What the ledger says to operators, by the figure's name."""
    said: dict[str, float] = {}
    room = here.standing.rooms["ledger"]
    await LEDGER.figures(room, lambda what, value, **_: said.__setitem__(what.name, value))  # type: ignore[arg-type]
    return {name: value for name, value in said.items() if value}


@pytest.mark.clause("G4")
async def test_an_audit_belongs_to_its_agency_and_its_reviewers(here: Town) -> None:
    await here.open_agency("galt-pd", "galt")  # type: ignore[arg-type]
    await sent(here, await Records(here).search())
    await until(here, NEW_YEAR + timedelta(minutes=2))
    async with here.client(here.person("inspector", "auditor")) as inspector:
        audit = await opened(here, inspector)
    async with here.client(here.person("galt", "administrator", agency_id="galt-pd")) as galt:
        assert (await galt.get("/v1/audits")).json() == {"audits": [], "last_signed_off": None}
        assert (await galt.get(f"/v1/audits/{audit['id']}")).json()["code"] == "audit_unknown"
    async with here.client(here.person("officer")) as officer:
        assert (await officer.get("/v1/audits")).json()["code"] == "not_allowed"
        assert (await sign(officer, audit)).json()["code"] == "not_allowed"
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        assert (await sign(sergeant, audit)).json()["code"] == "not_allowed"


@pytest.mark.clause("G4")
@pytest.mark.parametrize(
    ("cadence", "back", "name", "starts", "ends"),
    [
        ("monthly", 0, "2026-12", (2026, 12), (2027, 1)),
        ("quarterly", 0, "2026-Q4", (2026, 10), (2027, 1)),
        ("quarterly", 3, "2026-Q1", (2026, 1), (2026, 4)),
        ("half-yearly", 0, "2026-H2", (2026, 7), (2027, 1)),
        ("half-yearly", 1, "2026-H1", (2026, 1), (2026, 7)),
        ("yearly", 0, "2026", (2026, 1), (2027, 1)),
    ],
)
def test_periods_are_those_of_the_agencys_calendar(
    cadence: domain.Cadence, back: int, name: str, starts: tuple[int, int], ends: tuple[int, int]
) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    period = domain.ended(datetime(2027, 1, 1, 8, 0, tzinfo=UTC), cadence, zone, back=back)
    assert period == domain.Period(name, datetime(*starts, 1, tzinfo=zone), datetime(*ends, 1, tzinfo=zone))
    assert domain.ended(datetime(2027, 1, 1, 7, 59, tzinfo=UTC), "monthly", zone).name == "2026-11"


@pytest.mark.clause("B7")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_the_published_text_says_the_settings_in_force(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    profile = department(name)
    ledger, audits = profile.section(LedgerPolicy), profile.section(AuditsPolicy)
    async with here.client(here.person("officer", trained=False)) as officer:
        plan = (await officer.get("/v1/monitoring-plan")).json()
    assert [one["code"] for one in plan["detectors"]] == list(audits.detectors)
    assert (plan["reviewer"], plan["cadence"]) == (audits.reviewer, ledger.audit_cadence)
    assert plan["policy_version"] == profile.version
    for said in (
        profile.head.department,
        f"The {audits.reviewer} sees to it that each of these is settled within 14 days",
        "one person searches the same plate 5 times or more within 30 days, or 10 times when all are for one matter",
        "audited quarterly: 50 records drawn by lot and 25 of the kinds that go wrong",
        "kept for 5 years",
        "No audit has been due yet.",
    ):
        assert said in plan["text"]
    breach = f"handled under {ledger.breach_policy}."
    assert (breach in plan["text"]) == (ledger.breach_policy is not None)


@on_both
@pytest.mark.clause("B7")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_month_that_is_over_has_its_report(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    records = Records(here)
    await sent(
        here,
        *[await records.search(use=UNNUMBERED) for _ in range(5)],
        await records.search("deputy", use=OTHER),
        await records.refusal("purpose_prohibited", "A4"),
    )
    await watched(here)
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        items = await queued(here, sergeant, 2)
        path = f"/v1/reviews/{items[0]['id']}/settle"
        assert (await sergeant.post(path, json=REVIEWED)).status_code == 200
        so_far = (await sergeant.get("/v1/monitoring-reports/2026-11")).json()
        assert (so_far["final"], so_far["content"]["detectors"]["repeat_plate"]) == (False, 1)
        assert (await sergeant.get("/v1/monitoring-reports/2026-12")).json()["code"] == "report_unknown"
        assert (await sergeant.get("/v1/monitoring-reports/November")).json()["code"] == "month_invalid"
    await until(here, datetime(2026, 12, 10, tzinfo=UTC))
    await eventually(lambda: here.rows("ledger", "SELECT month FROM monitoring_report"))
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        report = (await sergeant.get("/v1/monitoring-reports/2026-11")).json()
        assert (await sergeant.get("/v1/monitoring-reports/2026-10")).json()["final"] is False
    detectors = dict.fromkeys(department(name).section(AuditsPolicy).detectors, 0) | {"repeat_plate": 1}
    assert report["final"] is True
    assert report["sha256"] == domain.digest(report["content"])
    assert report["content"] == {
        "month": "2026-11",
        "policy_version": department(name).version,
        "detectors": detectors,
        "reviews_opened": {"finding": 1, "other_le": 1},
        "reviews_settled": {"no_violation": 1},
        "reviews_overdue": 0,
        "alerts": {"purpose_prohibited": 1},
        "audits_opened": 0,
        "audits_signed_off": 0,
        "audits_overdue": 0,
    }
    async with here.client(here.person("inspector", "auditor")) as inspector:
        made = [one for one in await records_of(here, inspector, "audit.watch", 4) if one["object_id"] == "2026-11"]
    assert [one["object_type"] for one in made] == ["monitoring_report"]


@pytest.mark.clause("B7")
async def test_what_is_searched_much_in_vain_or_for_others_is_found(here: Town) -> None:
    records = Records(here)
    night = datetime(2026, 11, 22, 11, 12, tzinfo=UTC)
    await sent(
        here,
        *[await records.search("fisher", plate=f"7FSH{n:03}") for n in range(60)],
        await records.search("owl", use=replace(ORDINARY, shift="day"), at=night),
        await records.search("friend", use=replace(ORDINARY, requested_by="Sgt Roe, Pasadena PD")),
    )
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        found = await queued(here, sergeant, 4, kind="finding")
    assert {(one["username"], one["detector"]) for one in found} == {
        ("fisher", "no_hit_fishing"),
        ("fisher", "sudden_volume"),
        ("owl", "off_shift"),
        ("friend", "other_agencies"),
    }
    assert all(one["sentence"].endswith(".") and one["record_ids"] for one in found)
