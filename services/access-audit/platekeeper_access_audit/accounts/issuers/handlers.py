"""Trusted issuers in use: registered by an administrator, then logins that go out to them and come back."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from platekeeper_access_audit.accounts import attempts, sign_on
from platekeeper_access_audit.accounts import domain as rules
from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.issuers import domain, openid, storage
from platekeeper_access_audit.accounts.issuers.domain import LOGIN_LIFE, Issuer, Login, Proposal, Word, digest
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.second_factors import handlers as second_factors
from platekeeper_access_audit.accounts.sessions.domain import WITH_CODE
from platekeeper_access_audit.accounts.sessions.tokens import Begun
from platekeeper_access_audit.accounts.sign_on import Where
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import Busy, Conflict, Refused, Unauthenticated
from platekeeper_common.ids import AgencyId

BACK = "/login"
"""The page that issuers send people back to; it posts their word here."""
AGAIN = ("second_factor_required", "second_factor_wrong", "policy_not_accepted")
"""After these refusals the login still waits."""
MOST_WAITING = 10_000
"""Logins that wait at once: whoever begins them without end fills no disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What an administrator says of the agency's issuer."""

    url: str
    client_id: str
    client_secret: str | None
    """None: as before."""
    username_claim: str
    second_factor_amr: tuple[str, ...]
    second_factor_acr: tuple[str, ...]
    passwords: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """The issuer as it was asked for; with what waits for a second person's word, None: it is in force (B2)."""

    issuer: Issuer
    waiting: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the browser goes, and what it must bring back."""

    url: str
    browser: str
    """The secret of its cookie."""
    life: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the browser brings back from the issuer (RFC 6749 4.1.2), and our second factor once it is asked for."""

    state: str
    authorization_code: str
    issuer: str | None
    code: str | None
    recovery_code: str | None


async def register(
    tx: Tx, here: AccountsRoom, asked: Registration, agency_id: str | None, *, by: Caller, place: Place
) -> Registered:
    """The agency's issuer, once it has answered fitly; another than is trusted now waits for a second person (B2).

    Raises Refused `not_administrator`, Invalid, Conflict, Busy, NotFound.
    """
    agency = await accounts.find_agency(tx, rules.agency_for(by, agency_id, Action.ISSUER_REGISTER))
    rules.demand_open(agency)
    domain.demand_url(asked.url)
    await openid.discover(asked.url)
    await tx.lock()
    by = by.acting_for((await incumbents.demand(tx, here, by, Action.ISSUER_REGISTER, "B2")).office)
    old = await storage.find(tx, agency.id)
    domain.demand_secret(old, asked.url, asked.client_secret)
    tried = await storage.linked_subject(tx, by.subject, asked.url) is not None
    domain.demand_tried(passwords=asked.passwords, tried=tried)
    new = Issuer(
        agency_id=agency.id,
        url=asked.url,
        client_id=asked.client_id,
        client_secret=_wrapped(here, agency.id, asked.client_secret) or (old.client_secret if old else b""),
        username_claim=asked.username_claim,
        second_factor_amr=asked.second_factor_amr,
        second_factor_acr=asked.second_factor_acr,
        passwords=asked.passwords,
        registered_at=here.clock(),
    )
    waiting = Proposal(ids.new(), new, by.subject, by.name) if domain.entrusts(old, new) else None
    if waiting is None:
        await storage.put(tx, new)
    else:
        await storage.propose(tx, waiting)
    written = {**_written(old, new), "proposal": waiting and waiting.id}
    tx.emit(await here.recorder.change(by, Action.ISSUER_REGISTER, "issuer", agency.id, place, written))
    return Registered(new, waiting)


async def confirm(tx: Tx, here: AccountsRoom, proposal_id: str, *, by: Caller, place: Place) -> Registered:
    """A second person's word puts the issuer in force that waits under this id (B2).

    Raises NotFound `issuer_proposal_unknown`, Conflict `same_person`, `second_person_beholden` or `agency_closed`,
    Refused `not_second_person`.
    """
    await tx.lock()
    found = await storage.proposed(tx, by.agency_id)
    waiting = domain.demand_proposed(found if found and found.id == proposal_id else None, by.subject)
    rules.demand_open(await accounts.find_agency(tx, by.agency_id))
    second = await incumbents.demand_second_person(tx, here, by, Action.ISSUER_CONFIRM, beside=waiting.proposed_by)
    by = by.acting_for(second.office)
    old, new = await storage.find(tx, by.agency_id), replace(waiting.issuer, registered_at=here.clock())
    await storage.put(tx, new)
    await storage.forget_proposal(tx, by.agency_id)
    written = {**_written(old, new), "proposal": waiting.id}
    tx.emit(await here.recorder.change(by, Action.ISSUER_CONFIRM, "issuer", by.agency_id, place, written))
    return Registered(new)


async def proposals(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Proposal]:
    """The issuer that waits at the own agency, if one does."""
    tx.emit(here.recorder.administration(by, Action.ISSUER_PROPOSAL_VIEW, "issuer", by.agency_id, place))
    waiting = await storage.proposed(tx, by.agency_id)
    return [] if waiting is None else [waiting]


async def registered(tx: Tx, here: AccountsRoom, agency_id: str | None, *, by: Caller, place: Place) -> Issuer:
    """The agency's issuer. Raises NotFound `issuer_unknown`."""
    owner = rules.agency_for(by, agency_id, Action.ISSUER_VIEW)
    tx.emit(here.recorder.administration(by, Action.ISSUER_VIEW, "issuer", owner, place))
    return domain.demand_registered(await storage.find(tx, owner))


async def remove(tx: Tx, here: AccountsRoom, agency_id: str | None, *, by: Caller, place: Place) -> None:
    """The agency logs in by password again, and none waits any more. Raises NotFound `issuer_unknown`."""
    owner = rules.agency_for(by, agency_id, Action.ISSUER_REMOVE)
    await tx.lock()
    old = domain.demand_registered(await storage.find(tx, owner))
    await storage.remove(tx, owner)
    await storage.forget_proposal(tx, owner)
    written = {"before": old.told(), "after": None}
    tx.emit(await here.recorder.change(by, Action.ISSUER_REMOVE, "issuer", owner, place, written))


async def agencies(here: AccountsRoom) -> list[tuple[str, str]]:
    """Id and name of the agencies that have an issuer."""
    async with here.db.tx() as tx:
        return await storage.agencies(tx)


async def begin(here: AccountsRoom, agency_id: AgencyId) -> Sent:
    """Send a browser to the agency's issuer. Raises NotFound, Conflict `agency_closed`, Busy."""
    async with here.db.tx() as tx:
        issuer = domain.demand_registered(await storage.find(tx, agency_id))
        rules.demand_open(await accounts.find_agency(tx, agency_id))
    about = await openid.discover(issuer.url)
    state, browser, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    now = here.clock()
    login = Login(
        state_sha256=digest(state),
        browser_sha256=digest(browser),
        agency_id=agency_id,
        nonce=secrets.token_urlsafe(32),
        verifier=here.foundation.keys.wrap(verifier.encode(), _verifier_wrapped_as(digest(state))),
        expires_at=now + LOGIN_LIFE,
    )
    async with here.db.tx() as tx:
        if await storage.prune_logins(tx, now) >= MOST_WAITING:
            raise Busy("too many log in just now; try again", code="login_busy", headers={"Retry-After": "60"})
        await storage.add_login(tx, login)
    back = f"{here.origin}{BACK}"
    url = domain.authorization_url(about, issuer, login, state=state, verifier=verifier, back=back)
    return Sent(url, browser, LOGIN_LIFE)


async def finish(here: AccountsRoom, answer: Answer, browser: str | None, where: Where) -> Begun:
    """The session of the person whom the issuer vouches for.

    Raises Unauthenticated `login_unknown`, `issuer_word_wrong`, `issuer_account_unknown`, `issuer_link_wrong`,
    `account_disabled`, `account_locked`, `second_factor_required` (ask for the code and come again with the same
    answer), `second_factor_wrong`; what `sign_on.begin` raises; Busy `issuer_unavailable`.
    """
    async with here.db.tx() as tx:
        login = domain.demand_waiting(
            await storage.take_login(tx, digest(answer.state), digest(browser or "")), here.clock()
        )
        issuer = domain.demand_registered(await storage.find(tx, login.agency_id))
    if login.account_id is None or login.subject is None:
        vouched = await _vouched(here, issuer, login, answer)
        async with here.db.tx() as tx:
            account = await _account(tx, issuer, vouched)
        login = domain.known(login, account, vouched, here.clock())
    else:
        vouched = Word(login.subject, None, login.second_factor)
        async with here.db.tx() as tx:
            account = await accounts.find_account(tx, login.account_id, issuer.agency_id)
    attempt = await sign_on.admit(here, account.username)
    try:
        return await _sign_on(here, issuer, account, vouched, answer, where)
    except (Unauthenticated, Refused, Conflict) as error:
        failed = error.code == "second_factor_wrong"
        await sign_on.record_refusal(here, account, error, attempt, where.place, failed=failed)
        if error.code in AGAIN:
            async with here.db.tx() as tx:
                await storage.add_login(tx, login)
        raise


async def _sign_on(
    here: AccountsRoom, issuer: Issuer, account: Account, vouched: Word, answer: Answer, where: Where
) -> Begun:
    async with here.db.tx() as tx:
        await tx.lock()
        account = await accounts.find_account(tx, account.id, issuer.agency_id)
        linked = await storage.linked_subject(tx, account.id, issuer.url)
        domain.demand_linkable(account, linked, vouched.subject)
        methods = [domain.METHOD]
        if vouched.second_factor:
            methods.append("mfa")
        elif account.totp_confirmed:
            await second_factors.demand(tx, here, account, answer.code, answer.recovery_code)
            methods += WITH_CODE
        if linked is None:
            await storage.link(tx, account.id, issuer.url, vouched.subject, here.clock())
        await attempts.forget_all(tx, sign_on.username_digest(here, account.username))
        begun = await sign_on.begin(tx, here, account, tuple(methods), where)
        await commit_or_refuse(tx)
    return begun


async def _vouched(here: AccountsRoom, issuer: Issuer, login: Login, answer: Answer) -> Word:
    about = await openid.discover(issuer.url)
    domain.demand_named(about, issuer, answer.issuer)
    keys = here.foundation.keys
    token = await openid.redeem(
        about,
        issuer,
        secret=keys.unwrap(issuer.client_secret, _secret_wrapped_as(issuer.agency_id)).decode(),
        code=answer.authorization_code,
        verifier=keys.unwrap(login.verifier, _verifier_wrapped_as(login.state_sha256)).decode(),
        back=f"{here.origin}{BACK}",
    )
    now = here.clock()
    return domain.word(await openid.verified(about, issuer, token, nonce=login.nonce, now=now), issuer, now)


async def _account(tx: Tx, issuer: Issuer, vouched: Word) -> Account:
    """The account that is linked to the subject; before the first login, the one of that username."""
    linked = await storage.linked_account(tx, issuer.url, vouched.subject, issuer.agency_id)
    if linked is not None:
        return await accounts.find_account(tx, linked, issuer.agency_id)
    named = await accounts.account_of(tx, vouched.username) if vouched.username else None
    return domain.demand_account(named, issuer)


def _written(old: Issuer | None, new: Issuer) -> dict[str, Any]:
    return {"before": old.told() if old else None, "after": new.told()}


def _wrapped(here: AccountsRoom, agency_id: AgencyId, secret: str | None) -> bytes | None:
    return None if secret is None else here.foundation.keys.wrap(secret.encode(), _secret_wrapped_as(agency_id))


def _secret_wrapped_as(agency_id: str) -> str:
    return f"issuer/{agency_id}"


def _verifier_wrapped_as(state_sha256: str) -> str:
    return f"issuer-login/{state_sha256}"
