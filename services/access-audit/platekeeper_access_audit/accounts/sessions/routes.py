"""The doors of sessions. Their caller shows a refresh token, in the body or in the browser's cookie."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Response

from platekeeper_access_audit.accounts.room import AccountsRoom, Here
from platekeeper_access_audit.accounts.sessions import handlers
from platekeeper_access_audit.accounts.sessions.documents import RefreshRequest, SessionToken
from platekeeper_access_audit.accounts.sessions.tokens import Begun, issue
from platekeeper_common.edge import CurrentPlace

COOKIE = "__Secure-platekeeper-refresh"
COOKIE_PATH = "/v1/session"
"""The browser shows the cookie to these doors alone."""

Kept = Annotated[str | None, Cookie(alias=COOKIE, max_length=256)]

router = APIRouter(tags=["sessions"])


@router.post("/v1/session/refresh")
async def refresh(
    here: Here, place: CurrentPlace, answer: Response, body: RefreshRequest | None = None, kept: Kept = None
) -> SessionToken:
    """A new token and a new refresh token; the shown one is spent, and shown again it ends the session."""
    return await told(here, await handlers.refresh(here, shown(body, kept), place), answer)


@router.post("/v1/session/end", status_code=204)
async def end(
    here: Here, place: CurrentPlace, answer: Response, body: RefreshRequest | None = None, kept: Kept = None
) -> None:
    """Sign off: within seconds no token of the session is worth anything, anywhere."""
    await handlers.end(here, shown(body, kept), place)
    answer.delete_cookie(COOKIE, path=COOKIE_PATH, secure=True, httponly=True, samesite="strict")


async def told(here: AccountsRoom, begun: Begun, answer: Response) -> SessionToken:
    """The session's token as an answer; sets the cookie where the browser keeps the refresh token."""
    who, session = begun.caller, begun.session
    token = await issue(here, who)
    if session.cookie:
        life = int((session.until - here.clock()).total_seconds())
        answer.set_cookie(
            COOKIE,
            begun.refresh_token,
            max_age=life,
            path=COOKIE_PATH,
            secure=True,
            httponly=True,
            samesite="strict",
        )
    answer.headers["Cache-Control"] = "no-store"
    return SessionToken(
        access_token=token,
        expires_in=int((who.expires_at - who.issued_at).total_seconds()),
        refresh_token=None if session.cookie else begun.refresh_token,
        device_token=begun.device_token,
        session_until=session.until,
        locked=who.locked,
        methods=list(who.methods),
        account_id=who.subject,
        agency_id=who.agency_id,
        organisation=who.organisation,
        username=who.username,
        name=who.name,
        title=who.title,
        roles=sorted(who.roles),
        training_until=who.training_until,
        approved_until=who.approved_until,
    )


def shown(body: RefreshRequest | None, kept: str | None) -> str | None:
    """The refresh token of the body, or else the browser's."""
    return body.refresh_token if body and body.refresh_token else kept
