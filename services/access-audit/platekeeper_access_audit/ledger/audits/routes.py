"""The door of audits and of monitoring."""

import re
from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.ledger.audits import handlers, monitoring
from platekeeper_access_audit.ledger.audits.documents import (
    AuditDocument,
    AuditInFull,
    AuditsDocument,
    PlanDocument,
    ReportDocument,
    Review,
    SampledDocument,
    SignOff,
)
from platekeeper_access_audit.ledger.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_common.errors import Invalid
from platekeeper_common.periods import Month

MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])", re.ASCII)

router = APIRouter(prefix="/v1", tags=["audits"])
Viewer = Annotated[Caller, may(Action.AUDIT_VIEW)]


@router.get("/audits")
async def browse(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> AuditsDocument:
    """The periodic audits of your agency, the newest first."""
    return AuditsDocument.listing(await handlers.browse(tx, here, who, place=place))


@router.get("/audits/{audit_id}")
async def show(audit_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> AuditInFull:
    """One audit with its sample, what was found so far, and its report once it is signed off."""
    return AuditInFull.opened(*await handlers.show(tx, here, who, audit_id, place=place))


@router.post("/audits/{audit_id}/records/{record_id}")
async def review(
    audit_id: str,
    record_id: str,
    body: Review,
    who: Annotated[Caller, may(Action.AUDIT_REVIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> SampledDocument:
    """Say what a record of the sample shows; whose act it records cannot."""
    reviewed = await handlers.review(
        tx, here, who, audit_id, record_id, finding=body.finding, disposition=body.disposition, place=place
    )
    return SampledDocument.model_validate(reviewed)


@router.post("/audits/{audit_id}/sign-off")
async def sign_off(
    audit_id: str,
    body: SignOff,
    who: Annotated[Caller, may(Action.AUDIT_SIGN_OFF)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> AuditDocument:
    """Sign an audit off when its whole sample is reviewed; its only reviewer cannot."""
    signed = await handlers.sign_off(tx, here, who, audit_id, conclusion=body.conclusion, place=place)
    document: AuditDocument = AuditDocument.of(signed, here.clock())
    return document


@router.get("/monitoring-plan")
async def plan(
    who: Annotated[Caller, may(Action.MONITORING_PLAN_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> PlanDocument:
    """How your agency monitors the use of plate data, by the settings in force."""
    return PlanDocument.of(await monitoring.show_plan(tx, here, who, place=place))


@router.get("/monitoring-reports/{month}")
async def report(
    month: str,
    who: Annotated[Caller, may(Action.MONITORING_REPORT_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ReportDocument:
    """What monitoring found in a month such as `2026-11`: kept when it is over, counted so far before."""
    if not MONTH.fullmatch(month):
        raise Invalid("the month must be one such as 2026-11", code="month_invalid")
    wanted = Month(int(month[:4]), int(month[5:]))
    return ReportDocument.model_validate(await monitoring.report(tx, here, who, wanted, place=place))
