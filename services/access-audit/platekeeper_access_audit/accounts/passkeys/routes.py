"""The doors of passkeys."""

from typing import Annotated

from fastapi import APIRouter, Response

from platekeeper_access_audit.accounts.passkeys import documents, handlers
from platekeeper_access_audit.accounts.passkeys.domain import Passkey, Proof
from platekeeper_access_audit.accounts.passkeys.handlers import Asked
from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.sessions.documents import RefreshRequest, SessionToken
from platekeeper_access_audit.accounts.sessions.routes import Kept, shown, told
from platekeeper_access_audit.accounts.sign_on import from_where
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["passkeys"])


@router.post("/v1/me/passkeys/options", status_code=201)
async def registration_options(
    who: Annotated[Caller, may(Action.PASSKEY_REGISTER)], tx: Tx, here: Here, place: CurrentPlace
) -> documents.PasskeyOptions:
    """What the browser needs to make a passkey for the caller; good for five minutes."""
    return _options(await handlers.registration_options(tx, here, by=who, place=place))


@router.post("/v1/me/passkeys", status_code=201)
async def register(
    body: documents.PasskeyRequest,
    who: Annotated[Caller, may(Action.PASSKEY_REGISTER)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.PasskeyDocument:
    """Keep the passkey that the browser made."""
    proof = Proof(body.challenge_id, body.credential.model_dump())
    return _passkey(await handlers.register(tx, here, proof, body.name, by=who, place=place))


@router.get("/v1/me/passkeys")
async def list_passkeys(
    who: Annotated[Caller, may(Action.PASSKEY_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[documents.PasskeyDocument]:
    """The caller's passkeys."""
    return [_passkey(one) for one in await handlers.listed(tx, here, by=who, place=place)]


@router.delete("/v1/me/passkeys/{passkey_id}", status_code=204)
async def remove(
    passkey_id: str, who: Annotated[Caller, may(Action.PASSKEY_REMOVE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Forget a passkey of the caller."""
    await handlers.remove(tx, here, passkey_id, by=who, place=place)


@router.post("/v1/login/passkey/options", status_code=201)
async def login_options(here: Here) -> documents.PasskeyOptions:
    """What the browser needs to ask for a passkey; nobody is named, so nobody's existence is told."""
    return _options(await handlers.login_options(here))


@router.post("/v1/login/passkey")
async def login(body: documents.PasskeyLogin, here: Here, place: CurrentPlace, answer: Response) -> SessionToken:
    """Begin the session of the person whose passkey answers; it stands for password and second factor."""
    proof = Proof(body.challenge_id, body.credential.model_dump())
    return await told(here, await handlers.login(here, proof, from_where(body, place)), answer)


@router.post("/v1/session/unlock/passkey/options", status_code=201)
async def unlock_options(
    here: Here, place: CurrentPlace, body: RefreshRequest | None = None, kept: Kept = None
) -> documents.PasskeyOptions:
    """What the browser needs to ask for a passkey of the person whose session is locked."""
    return _options(await handlers.unlock_options(here, shown(body, kept), place))


@router.post("/v1/session/unlock/passkey")
async def unlock(
    body: documents.PasskeyUnlock, here: Here, place: CurrentPlace, answer: Response, kept: Kept = None
) -> SessionToken:
    """Unlock the session by its person's passkey."""
    proof = Proof(body.challenge_id, body.credential.model_dump())
    return await told(here, await handlers.unlock(here, body.refresh_token or kept, proof, place), answer)


def _options(asked: Asked) -> documents.PasskeyOptions:
    return documents.PasskeyOptions(challenge_id=asked.challenge_id, origin=asked.origin, options=asked.options)


def _passkey(one: Passkey) -> documents.PasskeyDocument:
    return documents.PasskeyDocument(id=one.id, name=one.name, registered_at=one.registered_at, used_at=one.used_at)
