"""The monitoring plan, in words of the settings in force, and the monthly report of what monitoring found (B7)."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from platekeeper_access_audit.ledger.audits import domain, storage
from platekeeper_access_audit.ledger.policy import AuditsPolicy, Detector, LedgerPolicy, hours_of_shifts
from platekeeper_access_audit.ledger.reviews import alert_storage, looked_for
from platekeeper_access_audit.ledger.reviews import storage as reviews
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Month
from platekeeper_common.policy import Profile
from platekeeper_common.shared_policy import UsePolicy

MONTHS_BACK = 12
"""Ended months of which a report is made when none has been yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How an agency is monitored. `detectors`: each with what it looks for, in words."""

    reviewer: str
    approver: str
    cadence: domain.Cadence
    detectors: tuple[tuple[Detector, str], ...]
    review_within: timedelta
    number_owed_within: timedelta
    audit_due_within: timedelta
    random_sample: int
    risk_sample: int
    access_years: int
    breach_policy: str | None
    last_audit: datetime | None
    policy_version: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What monitoring found in a month; `final`: the month is over and the report is kept."""

    month: str
    final: bool
    made_at: datetime
    content: dict[str, Any]
    sha256: str


async def plan(tx: Tx, profile: Profile, agency_id: AgencyId) -> Plan:
    """The plan by the agency's profile as it is now."""
    ledger, audits = profile.section(LedgerPolicy), profile.section(AuditsPolicy)
    shifts = hours_of_shifts(profile.section(UsePolicy))
    looks_for = tuple((name, looked_for.described(name, audits, shifts)) for name in audits.detectors)
    last = await storage.last_signed_off(tx, agency_id)
    return Plan(
        reviewer=audits.reviewer,
        approver=audits.approver,
        cadence=ledger.audit_cadence,
        detectors=looks_for,
        review_within=audits.review_within,
        number_owed_within=audits.number_owed_within,
        audit_due_within=audits.audit_due_within,
        random_sample=audits.random_sample,
        risk_sample=audits.risk_sample,
        access_years=ledger.access_years,
        breach_policy=ledger.breach_policy,
        last_audit=last,
        policy_version=profile.version,
        text=_text(profile, looks_for, last),
    )


async def show_plan(tx: Tx, here: LedgerRoom, by: Caller, *, place: Place) -> Plan:
    """The plan of the caller's agency."""
    shown = await plan(tx, here.foundation.policies.of(by.agency_id), by.agency_id)
    record = here.recorder.administration(by, Action.MONITORING_PLAN_VIEW, "monitoring_plan", by.agency_id, place)
    tx.emit(record)
    return shown


async def report(tx: Tx, here: LedgerRoom, by: Caller, month: Month, *, place: Place) -> Report:
    """The report of a month: as kept, or of the present month so far. Raises NotFound `report_unknown`."""
    now = here.clock()
    if month.start > now:
        raise NotFound("this month has not begun", code="report_unknown", clause="B7")
    kept = await storage.report_of(tx, by.agency_id, str(month))
    if kept is None:
        content = await _counted(tx, here, by.agency_id, month)
        shown = Report(month=str(month), final=False, made_at=now, content=content, sha256=domain.digest(content))
    else:
        content, made_at, sha256 = kept
        shown = Report(month=str(month), final=True, made_at=made_at, content=content, sha256=sha256)
    record = here.recorder.administration(by, Action.MONITORING_REPORT_VIEW, "monitoring_report", str(month), place)
    tx.emit(record)
    return shown


async def make_due(here: LedgerRoom, agency_id: AgencyId) -> None:
    """Make the reports of the agency's ended months, back to the first record or the last report. Safe to run twice."""
    async with here.db.tx() as tx:
        first = await storage.first_record_at(tx, agency_id)
        missing: list[Month] = []
        month = Month.of(here.clock() - domain.ARRIVED_WITHIN).back(1)
        while first is not None and first < month.end and len(missing) < MONTHS_BACK:
            if await storage.report_of(tx, agency_id, str(month)) is not None:
                break
            missing.append(month)
            month = month.back(1)
        for month in reversed(missing):
            content = await _counted(tx, here, agency_id, month)
            sha256 = domain.digest(content)
            await storage.keep_report(tx, agency_id, str(month), content, here.clock(), sha256)
            tx.emit(here.recorder.by_itself(agency_id, Action.AUDIT_WATCH, "monitoring_report", str(month)))


async def _counted(tx: Tx, here: LedgerRoom, agency_id: AgencyId, month: Month) -> dict[str, Any]:
    """The counts of a month up to now, in UTC; nothing of anybody."""
    start, end, now = month.start, month.end, here.clock()
    items = await reviews.between(tx, agency_id, start, end)
    opened = [item for item in items if start <= item.opened_at < end]
    settled = [item for item in items if item.settled_at is not None and start <= item.settled_at < end]
    alerts = await alert_storage.between(tx, agency_id, start, end)
    audits = await storage.of_agency(tx, agency_id)
    policy = here.foundation.policies.of(agency_id)
    found = Counter(str(item.detector) for item in opened if item.kind == "finding")
    return {
        "month": str(month),
        "policy_version": policy.version,
        "detectors": {name: found[name] for name in policy.section(AuditsPolicy).detectors},
        "reviews_opened": dict(sorted(Counter(item.kind for item in opened).items())),
        "reviews_settled": dict(sorted(Counter(str(item.disposition) for item in settled).items())),
        "reviews_overdue": await reviews.overdue(tx, min(end, now), agency_id),
        "alerts": dict(sorted(Counter(alert.code or alert.kind for alert in alerts).items())),
        "audits_opened": sum(start <= audit.opened_at < end for audit in audits),
        "audits_signed_off": sum(
            audit.signed_off_at is not None and start <= audit.signed_off_at < end for audit in audits
        ),
        "audits_overdue": sum(_late(audit, min(end, now)) for audit in audits),
    }


def _late(audit: domain.Audit, at: datetime) -> bool:
    return audit.due_at <= at and (audit.signed_off_at is None or audit.signed_off_at > at)


def _text(profile: Profile, looks_for: tuple[tuple[Detector, str], ...], last: datetime | None) -> str:
    """The published description of monitoring: sentences of ours around the figures in force."""
    ledger, audits = profile.section(LedgerPolicy), profile.section(AuditsPolicy)
    days = timedelta(days=1)
    watched = "\n".join(f"- {words};" for _, words in looks_for)
    breach = f" A security or data breach is handled under {ledger.breach_policy}." if ledger.breach_policy else ""
    audited = f" The last audit was signed off on {last:%Y-%m-%d}." if last else " No audit has been due yet."
    hours, review = audits.number_owed_within // timedelta(hours=1), audits.review_within // days
    return (
        f"Every access to licence plate data of the {profile.head.department}, and every refusal, is recorded with who,"
        f" when, what was asked for and why. The records are kept for {ledger.access_years} years in a log that cannot"
        f" be changed unnoticed. Software reads every record and hands to a reviewer:\n{watched}\n"
        "- every use for a purpose that the list of purposes does not name;\n"
        f"- every matter whose number is still missing after {hours} hours.\n"
        f"Refused attempts at a prohibited purpose are told to the administrator at once. The {audits.reviewer} sees to"
        f" it that each of these is settled within {review} days by somebody other than the person concerned. The use"
        f" of the system is audited {ledger.audit_cadence}: {audits.random_sample} records drawn by lot and"
        f" {audits.risk_sample} of the kinds that go wrong are reviewed, and the {audits.approver} signs the audit off"
        f" within {audits.audit_due_within // days} days after the end of the period.{audited}{breach}"
    )
