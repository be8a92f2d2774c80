"""What reviewers do with an audit: look at its sample, review record by record, sign off. Each leaves a record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from platekeeper_access_audit.ledger.audits import domain, storage
from platekeeper_access_audit.ledger.audits.domain import Audit, Sampled
from platekeeper_access_audit.ledger.domain import timestamp
from platekeeper_access_audit.ledger.policy import AuditsPolicy, LedgerPolicy
from platekeeper_access_audit.ledger.reviews.domain import Disposition
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.clock import hundredths
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound

LOCK = "audits"


@dataclass(frozen=True, slots=True)
class Listed:
    """The agency's audits at this moment, and when one was last signed off."""

    audits: Sequence[Audit]
    last_signed_off: datetime | None
    now: datetime


async def browse(tx: Tx, here: LedgerRoom, by: Caller, *, place: Place) -> Listed:
    """The audits of the caller's agency, the newest first."""
    found = await storage.of_agency(tx, by.agency_id)
    last = await storage.last_signed_off(tx, by.agency_id)
    tx.emit(here.recorder.administration(by, Action.AUDIT_VIEW, "audits", "all", place, result_count=len(found)))
    return Listed(found, last, here.clock())


async def show(
    tx: Tx, here: LedgerRoom, by: Caller, audit_id: str, *, place: Place
) -> tuple[Audit, Sequence[Sampled], datetime]:
    """One audit with its sample, at this moment. Raises NotFound `audit_unknown`."""
    audit = await _own(tx, by, audit_id)
    sample = await storage.sample(tx, audit_id)
    tx.emit(here.recorder.administration(by, Action.AUDIT_VIEW, "audit", audit_id, place))
    return audit, sample, here.clock()


async def review(
    tx: Tx, here: LedgerRoom, by: Caller, audit_id: str, record_id: str, *, finding: str, disposition: Disposition,
    place: Place,
) -> Sampled:  # fmt: skip
    """Say what a record of the sample shows. Raises NotFound, Refused, Conflict (`domain.demand_may_review`)."""
    await tx.lock(LOCK)
    audit = await _own(tx, by, audit_id)
    sampled = next((one for one in await storage.sample(tx, audit_id) if one.record_id == record_id), None)
    if sampled is None:
        raise NotFound("the sample of this audit holds no such record", code="record_not_sampled")
    domain.demand_may_review(audit, sampled, by)
    reviewed = replace(
        sampled,
        reviewed_at=here.clock(),
        reviewer=by.subject,
        reviewer_name=by.name,
        reviewer_title=by.title,
        finding=finding,
        disposition=disposition,
    )
    await storage.reviewed(tx, audit_id, reviewed)
    about = f"{audit_id}/{record_id}"
    tx.emit(here.recorder.administration(by, Action.AUDIT_REVIEW, "audit_record", about, place))
    return reviewed


async def sign_off(tx: Tx, here: LedgerRoom, by: Caller, audit_id: str, *, conclusion: str, place: Place) -> Audit:
    """Sign the audit off and keep its report. Raises NotFound, Refused, Conflict (`domain.demand_may_sign`)."""
    await tx.lock(LOCK)
    audit = await _own(tx, by, audit_id)
    sample = await storage.sample(tx, audit_id)
    approver = here.foundation.policies.of(audit.agency_id).section(AuditsPolicy).approver
    domain.demand_may_sign(audit, sample, by, approver)
    now = hundredths(here.clock())
    report = _report(here, audit, sample, by, conclusion, now)
    signed = replace(
        audit, signed_off_at=now, signed_off_by=by.subject, report=report, report_sha256=domain.digest(report)
    )
    await storage.signed(tx, signed)
    about = f"{audit_id}/sha256:{signed.report_sha256}"
    tx.emit(here.recorder.administration(by, Action.AUDIT_SIGN_OFF, "audit_report", about, place))
    return signed


async def _own(tx: Tx, by: Caller, audit_id: str) -> Audit:
    audit = await storage.get(tx, by.agency_id, audit_id)
    if audit is None:
        raise NotFound("no such audit", code="audit_unknown")
    return audit


def _report(
    here: LedgerRoom, audit: Audit, sample: Sequence[Sampled], by: Caller, conclusion: str, now: datetime
) -> dict[str, Any]:
    """Frequency, performer, approver, method and record retention (State Auditor 2019-118), and what was found."""
    profile = here.foundation.policies.of(audit.agency_id)
    performers = sorted({(one.reviewer_name or "", one.reviewer_title or "") for one in sample})
    lots = sum(one.why == "random" for one in sample)
    return {
        "audit": audit.id,
        "agency": audit.agency_id,
        "period": audit.period,
        "from": timestamp(hundredths(audit.starts_at)),
        "to": timestamp(hundredths(audit.ends_at)),
        "frequency": audit.cadence,
        "performers": [{"name": name, "title": title} for name, title in performers],
        "approver": {"name": by.name, "title": by.title or ""},
        "method": {
            "population": audit.population,
            "random": lots,
            "risk": len(sample) - lots,
            "risk_population": audit.risky,
            "lot": "SHA-256(seed, newline, record id); the smallest lots are drawn",
            "seed": audit.seed,
            "tree_size": audit.tree_size,
            "root": audit.root,
        },
        "record_retention": f"access records {profile.section(LedgerPolicy).access_years} years; this report for good",
        "dispositions": dict(sorted(Counter(str(one.disposition) for one in sample).items())),
        "findings": [
            {"record": one.record_id, "why": one.why, "finding": one.finding, "disposition": one.disposition}
            for one in sample
        ],
        "conclusion": conclusion,
        "signed_off_at": timestamp(now),
        "policy_version": audit.policy_version,
    }
