"""The doors of trusted issuers."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Header, Query, Response
from fastapi.responses import RedirectResponse

from platekeeper_access_audit.accounts.issuers import documents, handlers
from platekeeper_access_audit.accounts.issuers.domain import Issuer, Proposal
from platekeeper_access_audit.accounts.issuers.handlers import Answer, Registration
from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.sessions.documents import SessionToken
from platekeeper_access_audit.accounts.sessions.routes import told
from platekeeper_access_audit.accounts.sign_on import from_where
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, demand_text, may
from platekeeper_common.errors import PlatekeeperError
from platekeeper_common.ids import AgencyId

COOKIE = "__Secure-platekeeper-login"
PATH = "/v1/login/oidc"

AskedAgency = Annotated[str | None, Query(alias="agency_id", max_length=40, description="For the platform")]
Browser = Annotated[str | None, Cookie(alias=COOKIE, max_length=256)]

router = APIRouter(tags=["trusted issuers"])


@router.put("/v1/issuer")
async def register(
    body: documents.IssuerRequest,
    who: Annotated[Caller, may(Action.ISSUER_REGISTER)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> documents.RegisteredDocument:
    """Trust an OpenID Connect issuer with the logins of the agency's people, once a second person confirms it (B2)."""
    asked = Registration(
        url=body.issuer,
        client_id=body.client_id,
        client_secret=body.client_secret,
        username_claim=body.username_claim,
        second_factor_amr=tuple(body.second_factor_amr),
        second_factor_acr=tuple(body.second_factor_acr),
        passwords=body.passwords,
    )
    done = await handlers.register(tx, here, asked, agency_id, by=who, place=place)
    return _registered(done.issuer, done.waiting)


@router.get("/v1/issuer/proposals")
async def proposals(
    who: Annotated[Caller, may(Action.ISSUER_PROPOSAL_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[documents.RegisteredDocument]:
    """The issuer that waits for a second person, if one does."""
    return [_registered(one.issuer, one) for one in await handlers.proposals(tx, here, by=who, place=place)]


@router.post("/v1/issuer/proposals/{proposal_id}/confirm")
async def confirm(
    proposal_id: str, who: Annotated[Caller, may(Action.ISSUER_CONFIRM)], tx: Tx, here: Here, place: CurrentPlace
) -> documents.RegisteredDocument:
    """Trust the issuer that waits, as the second person (B2)."""
    done = await handlers.confirm(tx, here, proposal_id, by=who, place=place)
    return _registered(done.issuer, done.waiting)


@router.get("/v1/issuer")
async def view(
    who: Annotated[Caller, may(Action.ISSUER_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> documents.IssuerDocument:
    """The agency's trusted issuer."""
    return _issuer(await handlers.registered(tx, here, agency_id, by=who, place=place))


@router.delete("/v1/issuer", status_code=204)
async def remove(
    who: Annotated[Caller, may(Action.ISSUER_REMOVE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> None:
    """Trust it no longer; the agency's people log in by password."""
    await handlers.remove(tx, here, agency_id, by=who, place=place)


@router.get("/v1/login/issuers")
async def agencies(here: Here) -> list[documents.TrustedAgency]:
    """The agencies whose people log in through an issuer: what the login page offers."""
    return [documents.TrustedAgency(agency_id=one, agency=name) for one, name in await handlers.agencies(here)]


@router.get(PATH, status_code=303, response_class=RedirectResponse, dependencies=[Depends(demand_text)])
async def begin(
    here: Here, agency_id: Annotated[str, Query(max_length=40)], accept: Annotated[str, Header()] = ""
) -> Response:
    """Send the browser to the agency's issuer; it comes back to the login page, at once where it cannot go."""
    try:
        sent = await handlers.begin(here, AgencyId(agency_id))
    except PlatekeeperError as error:
        if "text/html" not in accept:
            raise
        return RedirectResponse(f"{handlers.BACK}?error={error.code}", 303, headers={"Cache-Control": "no-store"})
    answer = RedirectResponse(sent.url, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    life = int(sent.life.total_seconds())
    answer.set_cookie(COOKIE, sent.browser, max_age=life, path=PATH, secure=True, httponly=True, samesite="lax")
    return answer


@router.post(PATH)
async def finish(
    body: documents.IssuerAnswer, here: Here, place: CurrentPlace, answer: Response, browser: Browser = None
) -> SessionToken:
    """Begin the session of the person whom the issuer vouches for."""
    brought = Answer(
        state=body.state,
        authorization_code=body.authorization_code,
        issuer=body.iss,
        code=body.code,
        recovery_code=body.recovery_code,
    )
    begun = await handlers.finish(here, brought, browser, from_where(body, place))
    answer.delete_cookie(COOKIE, path=PATH, secure=True, httponly=True, samesite="lax")
    return await told(here, begun, answer)


def _registered(one: Issuer, waiting: Proposal | None) -> documents.RegisteredDocument:
    return documents.RegisteredDocument(
        **one.told(),
        status="proposed" if waiting else "in_force",
        proposal_id=waiting.id if waiting else None,
        proposed_by_name=waiting.proposed_by_name if waiting else None,
    )


def _issuer(one: Issuer) -> documents.IssuerDocument:
    return documents.IssuerDocument(**one.told())
