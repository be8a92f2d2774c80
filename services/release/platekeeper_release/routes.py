"""The doors of release."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, committed_at_end, may
from platekeeper_common.uses import use_of
from platekeeper_release import documents, fulfilment, handlers
from platekeeper_release.documents import (
    DecisionAsked,
    KeyDocument,
    PartnerPersonAsked,
    PartnerPersonDocument,
    RecipientAsked,
    RecipientDocument,
    RequestAsked,
    RequestDocument,
    RequestsDocument,
)
from platekeeper_release.package import MEDIA_TYPE
from platekeeper_release.room import Here

NOT_KEPT = {"Cache-Control": "no-store"}
"""No browser or proxy keeps plate data."""


def not_kept(response: Response) -> None:
    """Forbid keeping the answer."""
    response.headers.update(NOT_KEPT)


router = APIRouter(prefix="/v1", tags=["release"], dependencies=[Depends(not_kept)])
Registrar = Annotated[Caller, may(Action.RECIPIENT_EDIT)]
Viewer = Annotated[Caller, may(Action.RELEASE_VIEW)]


@router.post("/recipients", status_code=201)
async def enter_recipient(
    body: RecipientAsked, who: Registrar, tx: Tx, here: Here, place: CurrentPlace
) -> RecipientDocument:
    """Enter an agency in the register of recipients."""
    entered = await handlers.enter_recipient(tx, here, who, body.recipient(), place)
    return RecipientDocument.model_validate(entered)


@router.get("/recipients")
async def recipients(
    who: Annotated[Caller, may(Action.RECIPIENT_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[RecipientDocument]:
    """The register of recipients, withdrawn ones too."""
    return [RecipientDocument.model_validate(one) for one in await handlers.recipients(tx, here, who, place)]


@router.post("/recipients/{recipient_id}/withdraw")
async def withdraw_recipient(
    recipient_id: str, who: Registrar, tx: Tx, here: Here, place: CurrentPlace
) -> RecipientDocument:
    """From now on nothing is released to it, approved or not."""
    return RecipientDocument.model_validate(await handlers.withdraw_recipient(tx, here, who, recipient_id, place))


@router.post("/recipients/{recipient_id}/people", status_code=201)
async def enter_person(
    recipient_id: str, body: PartnerPersonAsked, who: Registrar, tx: Tx, here: Here, place: CurrentPlace
) -> PartnerPersonDocument:
    """Keep what the recipient asserts of the training of one of its people (C2)."""
    entered = await handlers.enter_person(tx, here, who, recipient_id, body.training(), place)
    return documents.person(entered, here.clock())


@router.get("/recipients/{recipient_id}/people")
async def people(
    recipient_id: str, who: Annotated[Caller, may(Action.RECIPIENT_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[PartnerPersonDocument]:
    """The people of the recipient, with the training that it asserts."""
    found = await handlers.people(tx, here, who, recipient_id, place)
    return [documents.person(one, here.clock()) for one in found]


@router.post("/release-requests", status_code=201)
async def receive(
    body: RequestAsked,
    who: Annotated[Caller, may(Action.RELEASE_RECEIVE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> RequestDocument:
    """File a written request of another agency under the next number."""
    file = await handlers.receive(tx, here, who, body.stated(), use_of(here, who, body.use_for(body.reason)), place)
    return documents.shown(file, here.clock())


@router.get("/release-requests")
async def requests(
    who: Viewer,
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RequestsDocument:
    """The agency's requests, newest number first, without what they ask for.

    Who asked in an administrative matter is named to those alone who may read the request (A8).
    """
    found = await handlers.listed(tx, here, who, documents.cursor_of(cursor), limit, place)
    following = found[-1].file.request.number if len(found) == limit else None
    now = here.clock()
    return RequestsDocument(requests=[documents.line(one, now) for one in found], next_cursor=following)


@router.get("/release-requests/{request_id}")
async def show(request_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> RequestDocument:
    """A request with its decision and its manifest; looked at for the use that it states."""
    return documents.shown(await handlers.show(tx, here, who, request_id, place), here.clock())


@router.post("/release-requests/{request_id}/decision", status_code=201)
async def decide(
    request_id: str,
    body: DecisionAsked,
    who: Annotated[Caller, may(Action.RELEASE_DECIDE)],
    request: Request,
    here: Here,
    place: CurrentPlace,
) -> RequestDocument:
    """Approve or deny a request, as the holder of the approving post and not as the one who entered it (I3)."""
    office = await handlers.office(here, who, _token(request))
    async with committed_at_end(request) as tx:
        file = await handlers.decide(tx, here, who, request_id, body.ruling(), office, place)
    return documents.shown(file, here.clock())


@router.post("/release-requests/{request_id}/fulfilment", status_code=201)
async def fulfil(
    request_id: str,
    who: Annotated[Caller, may(Action.RELEASE_FULFIL)],
    request: Request,
    here: Here,
    place: CurrentPlace,
) -> RequestDocument:
    """Pack what was approved, once; asked again, the same package."""
    prepared = await fulfilment.prepare(here, who, _token(request), request_id)
    async with committed_at_end(request) as tx:
        file = await fulfilment.fulfil(tx, here, who, request_id, prepared, place)
    return documents.shown(file, here.clock())


@router.get(
    "/release-requests/{request_id}/package",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "The package as it was sent"}},
)
async def package(
    request_id: str,
    who: Annotated[Caller, may(Action.RELEASE_HAND_OUT)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> Response:
    """The package, to be handed to the other agency."""
    file, data = await handlers.hand_out(tx, here, who, request_id, place)
    name = {"Content-Disposition": f'attachment; filename="{file.request.number}.zip"'}
    return Response(data, media_type=MEDIA_TYPE, headers=NOT_KEPT | name)


@router.get("/release-key")
async def key(here: Here) -> KeyDocument:
    """The public key by which anybody checks a manifest."""
    return KeyDocument(name=here.signer.name, verifier_key=here.signer.key, public_key_pem=here.signer.pem)


def _token(request: Request) -> str:
    """The caller's own token, for the neighbours."""
    return request.headers["authorization"].partition(" ")[2]
