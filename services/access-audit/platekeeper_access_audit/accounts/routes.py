"""The doors of accounts."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response

from platekeeper_access_audit.accounts import agencies, documents, exchange, handlers, sign_on
from platekeeper_access_audit.accounts.agency_names import AskedAgency
from platekeeper_access_audit.accounts.domain import Credentials
from platekeeper_access_audit.accounts.handlers import NewAccount, OpenedAccount
from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.sessions.documents import SessionToken, UnlockRequest
from platekeeper_access_audit.accounts.sessions.routes import Kept, shown, told
from platekeeper_common.actions import Action
from platekeeper_common.auth import TOKEN_LIFE
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, demand_text, may
from platekeeper_common.foundation import JWKS_PATH
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency

router = APIRouter()
LIFE = int(TOKEN_LIFE.total_seconds())


@router.post("/v1/login", tags=["tokens"], dependencies=[Depends(demand_text)])
async def login(body: documents.LoginRequest, here: Here, place: CurrentPlace, answer: Response) -> SessionToken:
    """Begin a person's session: a token of ten minutes at most, and what carries the session on."""
    asked = Credentials(body.username, body.password, body.code, body.new_password, body.recovery_code)
    return await told(here, await sign_on.login(here, asked, sign_on.from_where(body, place)), answer)


@router.post("/v1/session/unlock", tags=["sessions"])
async def unlock(
    body: UnlockRequest, here: Here, place: CurrentPlace, answer: Response, kept: Kept = None
) -> SessionToken:
    """Open a session that idleness has locked, with its person's password."""
    return await told(here, await sign_on.unlock(here, shown(body, kept), body.password, place), answer)


@router.post("/v1/device-tokens", tags=["tokens"], dependencies=[Depends(demand_text)])
async def device_token(body: documents.DeviceTokenRequest, here: Here) -> documents.Token:
    """A 10-minute token for a registered device."""
    signed_on = await sign_on.device_token(here, body.device_id, body.secret)
    return documents.Token(access_token=signed_on.token, expires_in=LIFE)


@router.post("/v1/token-exchange", tags=["tokens"])
async def token_exchange(
    body: Annotated[documents.ExchangeRequest, Form()], here: Here, place: CurrentPlace
) -> documents.DelegatedToken:
    """A 60-second token for a service that acts for a person within an approved request (RFC 8693)."""
    asked = exchange.Asked(body.subject_token, body.actor_token, body.scope, body.authorization_details)
    exchanged = await exchange.exchange(here, asked, place)
    life = int(exchanged.life.total_seconds())
    return documents.DelegatedToken(access_token=exchanged.token, expires_in=life, scope=body.scope)


@router.get(JWKS_PATH, tags=["tokens"])
async def keys(here: Here) -> dict[str, Any]:
    """The public keys that verify tokens (RFC 7517)."""
    return await here.signing.published()


@router.post("/v1/agencies", status_code=201, tags=["agencies"])
async def open_agency(
    body: documents.AgencyDocument,
    who: Annotated[Caller, may(Action.AGENCY_OPEN)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.StandingAgency:
    """Open an agency, in test."""
    asked = Agency(**(body.model_dump() | {"id": AgencyId(body.id)}), mode="test")
    return _agency(await agencies.open_agency(tx, here, asked, by=who, place=place))


@router.get("/v1/agencies", tags=["agencies"])
async def list_agencies(
    who: Annotated[Caller, may(Action.AGENCY_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[documents.StandingAgency]:
    """The own agency; for the platform's administrator all."""
    return [_agency(agency) for agency in await agencies.listed(tx, here, by=who, place=place)]


@router.post("/v1/agencies/{agency_id}/go-live", tags=["agencies"])
async def go_live(
    agency_id: str, who: Annotated[Caller, may(Action.AGENCY_GO_LIVE)], tx: Tx, here: Here, place: CurrentPlace
) -> documents.StandingAgency:
    """From test to live; refused while a demonstration is left."""
    return _agency(await agencies.go_live(tx, here, AgencyId(agency_id), by=who, place=place))


@router.post("/v1/agencies/{agency_id}/close", tags=["agencies"])
async def close(
    agency_id: str, who: Annotated[Caller, may(Action.AGENCY_CLOSE)], tx: Tx, here: Here, place: CurrentPlace
) -> documents.StandingAgency:
    """End every access to the agency; a demonstration's accounts are deleted."""
    return _agency(await agencies.close(tx, here, AgencyId(agency_id), by=who, place=place))


@router.post("/v1/accounts", status_code=201, tags=["accounts"])
async def open_account(
    body: documents.NewAccountRequest,
    who: Annotated[Caller, may(Action.ACCOUNT_OPEN)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.OneTimePassword:
    """Open an account of the own agency; its one-time password is shown once."""
    new = NewAccount(
        username=body.username,
        name=body.name,
        title=body.title,
        roles=tuple(body.roles),
        valid_until=body.valid_until,
    )
    return _shown_once(await handlers.open_account(tx, here, new, body.agency_id, by=who, place=place))


@router.get("/v1/accounts", tags=["accounts"])
async def list_accounts(
    who: Annotated[Caller, may(Action.ACCOUNT_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> list[documents.AccountDocument]:
    """The agency's accounts and their training."""
    found, trained = await handlers.accounts(tx, here, agency_id, by=who, place=place)
    return [
        documents.AccountDocument(
            id=account.id,
            username=account.username,
            name=account.name,
            title=account.title,
            roles=sorted(account.roles),
            second_factor=account.totp_confirmed,
            training_until=trained.get(account.id),
            disabled_at=account.disabled_at,
            disabled_because=account.disabled_because,
            valid_until=account.valid_until,
            separated_at=account.separated_at,
            synthetic=account.synthetic,
        )
        for account in found
    ]


@router.post("/v1/accounts/{account_id}/disable", status_code=204, tags=["accounts"])
async def disable(
    account_id: str, who: Annotated[Caller, may(Action.ACCOUNT_DISABLE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Shut an account for good: its tokens are worth nothing, its posts are vacant."""
    await handlers.disable_account(tx, here, account_id, by=who, place=place)


@router.post("/v1/accounts/{account_id}/suspend", status_code=204, tags=["accounts"])
async def suspend(
    account_id: str, who: Annotated[Caller, may(Action.ACCOUNT_SUSPEND)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Shut an account at once until a reset opens it: its tokens are worth nothing, its posts stay held."""
    await handlers.suspend_account(tx, here, account_id, by=who, place=place)


@router.post("/v1/accounts/{account_id}/reset", tags=["accounts"])
async def reset(
    account_id: str, who: Annotated[Caller, may(Action.ACCOUNT_RESET)], tx: Tx, here: Here, place: CurrentPlace
) -> documents.OneTimePassword:
    """A fresh one-time password without second factor and lock."""
    return _shown_once(await handlers.reset_account(tx, here, account_id, by=who, place=place))


@router.post("/v1/accounts/{account_id}/unlock", status_code=204, tags=["accounts"])
async def unlock_account(
    account_id: str, who: Annotated[Caller, may(Action.ACCOUNT_UNLOCK)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Release a username that failed logins have locked, as an administrator on duty."""
    await handlers.unlock_account(tx, here, account_id, by=who, place=place)


def _agency(agency: Agency) -> documents.StandingAgency:
    return documents.StandingAgency(**asdict(agency))


def _shown_once(opened: OpenedAccount) -> documents.OneTimePassword:
    account = opened.account
    return documents.OneTimePassword(
        id=account.id, username=account.username, one_time_password=opened.one_time_password
    )
