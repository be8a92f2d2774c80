"""The doors of posts and delegations."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.agency_names import AskedAgency
from platekeeper_access_audit.accounts.offices import documents, handlers
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["posts"])


@router.get("/v1/posts")
async def list_posts(
    who: Annotated[Caller, may(Action.POST_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> list[documents.PostDocument]:
    """The posts that the agency's policy names, their holders, and who acts while one is vacant (B9)."""
    return [documents.PostDocument.of(post) for post in await handlers.listed(tx, here, agency_id, by=who, place=place)]


@router.put("/v1/posts/{post}")
async def fill_post(
    post: str,
    body: documents.PostRequest,
    who: Annotated[Caller, may(Action.POST_FILL)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.PostDocument:
    """Put somebody into a post, now or later, or leave it vacant."""
    new = handlers.Appointment(post, body.account_id, body.begins)
    return documents.PostDocument.of(await handlers.fill(tx, here, new, body.agency_id, by=who, place=place))


@router.get("/v1/posts/{post}/terms")
async def list_terms(
    post: str,
    who: Annotated[Caller, may(Action.POST_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> list[documents.TermDocument]:
    """Who held, holds and will hold the post, latest first (B9)."""
    standing, terms = await handlers.history(tx, here, post, agency_id, by=who, place=place)
    return [documents.TermDocument.of(term, standing.title) for term in terms]


@router.get("/v1/posts/{post}/incumbents")
async def list_incumbents(
    post: str,
    act: Action,
    who: Annotated[Caller, may(Action.POST_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.IncumbentsDocument:
    """Who may do the act for the post now: its holder, delegates, while it is vacant who acts (B3, B9)."""
    standing = await handlers.standing(tx, here, post, by=who, place=place)
    return documents.IncumbentsDocument.of(standing, act)


@router.post("/v1/delegations", status_code=201)
async def delegate(
    body: documents.DelegationRequest,
    who: Annotated[Caller, may(Action.POST_DELEGATE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.DelegationDocument:
    """Let somebody do some acts of the post that you hold, for a time (B3)."""
    new = handlers.NewDelegation(
        post=body.post, account_id=body.account_id, acts=tuple(body.acts), begins=body.begins, ends=body.ends
    )
    given = await handlers.delegate(tx, here, new, by=who, place=place)
    return documents.DelegationDocument.of(given, here.clock())


@router.get("/v1/delegations")
async def list_delegations(
    who: Annotated[Caller, may(Action.POST_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[documents.DelegationDocument]:
    """Every delegation of the agency: to come, in force, ended and revoked."""
    now = here.clock()
    found = await handlers.delegations(tx, here, by=who, place=place)
    return [documents.DelegationDocument.of(one, now) for one in found]


@router.post("/v1/delegations/{delegation_id}/revoke")
async def revoke(
    delegation_id: str,
    who: Annotated[Caller, may(Action.POST_DELEGATE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.DelegationDocument:
    """Take a delegation back, at once."""
    return documents.DelegationDocument.of(
        await handlers.revoke(tx, here, delegation_id, by=who, place=place), here.clock()
    )
