"""The doors of training: courses and certificates."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.agency_names import AskedAgency
from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.training import catalogue, documents, handlers, notices, report
from platekeeper_access_audit.accounts.training.handlers import NewCertificate
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1", tags=["training"])


@router.get("/courses")
async def list_courses(
    who: Annotated[Caller, may(Action.COURSE_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> list[documents.CourseDocument]:
    """The catalogue of courses, every version (B6)."""
    return [documents.course(one) for one in await catalogue.listed(tx, here, agency_id, by=who, place=place)]


@router.post("/courses", status_code=201)
async def teach_course(
    body: documents.CourseStated,
    who: Annotated[Caller, may(Action.COURSE_EDIT)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.CourseDocument:
    """Put a course or a new version of one into the catalogue, as the training owner in office."""
    earlier_until = body.earlier_versions_count_until
    return documents.course(await catalogue.teach(tx, here, body.new(), earlier_until, by=who, place=place))


@router.post("/training-certificates", status_code=201)
async def certify(
    body: documents.CertificateRequest,
    who: Annotated[Caller, may(Action.TRAINING_CERTIFY)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.CertificateDocument:
    """Certify a person's training, as the training owner in office (C3)."""
    new = NewCertificate(**body.model_dump())
    return documents.CertificateDocument.model_validate(await handlers.certify(tx, here, new, by=who, place=place))


@router.get("/training/report")
async def training_report(
    who: Annotated[Caller, may(Action.TRAINING_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> documents.ReportDocument:
    """Who is authorised, who is trained, what is missing and what expires (C3)."""
    return documents.report(await report.listed(tx, here, by=who, place=place), here.clock())


@router.get("/expiry-notices")
async def expiry_notices(
    who: Annotated[Caller, may(Action.NOTICE_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[documents.NoticeDocument]:
    """What ends soon: the own, and for the training owner and the administrator everybody's (C3, A8)."""
    return [documents.notice(one) for one in await notices.listed(tx, here, by=who, place=place)]
