"""Rules of periodic audits (clause G4; State Auditor 2019-118: frequency, performer, approver, method, retention)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

import rfc8785

from platekeeper_access_audit.ledger.reviews.domain import Disposition, demand_not_subject
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Refused
from platekeeper_common.ids import AgencyId
from platekeeper_common.shared_policy import OTHER

Cadence = Literal["monthly", "quarterly", "half-yearly", "yearly"]
MONTHS: Mapping[Cadence, int] = {"monthly": 1, "quarterly": 3, "half-yearly": 6, "yearly": 12}
ARRIVED_WITHIN = timedelta(hours=1)
"""After the end of a period: its records have reached the ledger by then."""
Why = Literal["random", "finding", "other_le", "number_pending", "refused", "for_another", "released"]
"""Why a record is in a sample: by lot out of all, or by lot out of those of a kind that goes wrong."""


@dataclass(frozen=True, slots=True)
class Period:
    """What an audit is about: `starts` <= at < `ends`, by the agency's calendar; `name` such as `2026-Q4`."""

    name: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A periodic audit, with what is needed to draw its sample again."""

    id: str
    agency_id: AgencyId
    period: str
    starts_at: datetime
    ends_at: datetime
    opened_at: datetime
    due_at: datetime
    cadence: Cadence
    tree_size: int
    root: str
    """Base64, of the signed tree of `tree_size` leaves."""
    seed: str
    population: int
    """Records of people in the period."""
    risky: int
    """Those of a kind that goes wrong."""
    findings: tuple[str, ...]
    """Of these, the records that detectors had named when the sample was drawn."""
    policy_version: str
    signed_off_at: datetime | None = None
    signed_off_by: str | None = None
    report: dict[str, Any] | None = None
    report_sha256: str | None = None

    def state(self, now: datetime) -> Literal["open", "overdue", "signed_off"]:
        """Where it stands."""
        if self.signed_off_at is not None:
            return "signed_off"
        return "overdue" if now >= self.due_at else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A record in an audit's sample, and what its review found."""

    place: int
    record_id: str
    why: Why
    subject: str
    username: str
    name: str
    action: str
    outcome: str
    at: datetime
    reviewed_at: datetime | None = None
    reviewer: str | None = None
    reviewer_name: str | None = None
    reviewer_title: str | None = None
    finding: str | None = None
    disposition: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What decides whether a record is of a kind that goes wrong."""

    record_id: str
    outcome: str
    purpose: str | None
    number_pending: bool
    requested_by: str | None
    actor: str | None


def ended(now: datetime, cadence: Cadence, zone: tzinfo, *, back: int = 0) -> Period:
    """The last period that has ended, or the one so many before it."""
    months, local = MONTHS[cadence], now.astimezone(zone)
    index = (local.year * 12 + local.month - 1) // months - back
    return Period(
        _name((index - 1) * months, cadence), _start((index - 1) * months, zone), _start(index * months, zone)
    )


def risk(candidate: Candidate, found: Iterable[str]) -> Why | None:
    """Of which kind that goes wrong the record is; None: of none. `found`: records that detectors named."""
    if candidate.record_id in found:
        return "finding"
    if candidate.outcome == "refused":
        return "refused"
    if candidate.purpose == OTHER:
        return "other_le"
    if candidate.number_pending:
        return "number_pending"
    if candidate.actor is not None:
        return "released"
    return "for_another" if candidate.requested_by else None


def demand_open(audit: Audit) -> None:
    """Raise Conflict `audit_signed_off` for one that is closed."""
    if audit.signed_off_at is not None:
        raise Conflict("this audit was signed off; its report stays", code="audit_signed_off", clause="G4")


def demand_may_review(audit: Audit, sampled: Sampled, by: Caller) -> None:
    """Raise Refused `own_review`, Conflict `audit_signed_off` or `record_reviewed`."""
    demand_open(audit)
    demand_not_subject(sampled.subject, by)
    if sampled.reviewed_at is not None:
        raise Conflict("this record was reviewed; its finding stays", code="record_reviewed", clause="G4")


def demand_may_sign(audit: Audit, sample: Iterable[Sampled], by: Caller, approver: str) -> None:
    """Raise Conflict `audit_signed_off` or `audit_unfinished`, Refused `own_sign_off` for the only reviewer.

    Refused `not_approver` for another than who bears the title that the policy names and publishes.
    """
    demand_open(audit)
    records = list(sample)
    if left := sum(one.reviewed_at is None for one in records):
        raise Conflict(f"{left} records of the sample have not been reviewed", code="audit_unfinished", clause="G4")
    if {one.reviewer for one in records} == {by.subject}:
        raise Refused(
            "whoever reviewed the whole sample does not sign it off; another administrator or auditor can",
            code="own_sign_off",
            clause="G4",
        )
    if by.title != approver:
        raise Refused(
            f"an audit is signed off by the {approver}, as the policy says; your title is {by.title or 'none'}",
            code="not_approver",
            clause="G4",
        )


def digest(report: Mapping[str, Any]) -> str:
    """SHA-256 of the report's RFC 8785 bytes, in hexadecimal."""
    return hashlib.sha256(rfc8785.dumps(dict(report))).hexdigest()


def _start(months: int, zone: tzinfo) -> datetime:
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=zone)


def _name(months: int, cadence: Cadence) -> str:
    year, month = months // 12, months % 12
    parts = {"monthly": f"-{month + 1:02}", "quarterly": f"-Q{month // 3 + 1}", "half-yearly": f"-H{month // 6 + 1}"}
    return f"{year}{parts.get(cadence, '')}"
