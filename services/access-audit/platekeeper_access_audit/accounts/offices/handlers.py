"""Filling posts and delegating their acts; each change leaves its access record with before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platekeeper_access_audit.accounts import domain, storage
from platekeeper_access_audit.accounts.hands import handlers as hands
from platekeeper_access_audit.accounts.offices import domain as rules
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.offices import storage as offices
from platekeeper_access_audit.accounts.offices.domain import Delegation, Post
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.storage import Term
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.events.access import AccessRecorded, AccessRevoked
from platekeeper_common.policies import Agency
from platekeeper_common.rules import ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Appointment:
    """Who is to hold a post (None: nobody), from when on (None: now)."""

    post: str
    account_id: str | None
    begins: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelegation:
    """Who may do which acts of a post, from when (None: now) to when."""

    post: str
    account_id: str
    acts: tuple[str, ...]
    begins: datetime | None
    ends: datetime


async def listed(tx: Tx, here: AccountsRoom, asked: str | None, *, by: Caller, place: Place) -> list[Post]:
    """The posts that the agency's policy names, and how they stand (B9)."""
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.POST_VIEW))
    tx.emit(here.recorder.administration(by, Action.POST_VIEW, "posts", agency.id, place))
    return list((await incumbents.posts(tx, here, agency)).values())


async def history(
    tx: Tx, here: AccountsRoom, code: str, asked: str | None, *, by: Caller, place: Place
) -> tuple[Post, list[Term]]:
    """Who held, holds and will hold the post, latest first. Raises NotFound `post_unknown`."""
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.POST_VIEW))
    post = await incumbents.post(tx, here, agency, code)
    tx.emit(here.recorder.administration(by, Action.POST_VIEW, "post", f"{agency.id}/{code}", place))
    return post, await storage.terms(tx, agency.id, code)


async def standing(tx: Tx, here: AccountsRoom, code: str, *, by: Caller, place: Place) -> Post:
    """A post of the own agency as it stands. Raises NotFound `post_unknown`."""
    agency = await storage.find_agency(tx, by.agency_id)
    tx.emit(here.recorder.administration(by, Action.POST_VIEW, "post", f"{agency.id}/{code}", place))
    return await incumbents.post(tx, here, agency, code)


async def fill(tx: Tx, here: AccountsRoom, new: Appointment, asked: str | None, *, by: Caller, place: Place) -> Post:
    """The account holds the post from then on, its last holder until then; no account leaves it vacant (B3, B9).

    Raises Refused `not_administrator`, NotFound, Conflict `account_disabled` or `not_a_person`, Invalid
    `term_begins_past`.
    """
    now = here.clock()
    await tx.lock()
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.POST_FILL))
    domain.demand_open(agency)
    before = await incumbents.post(tx, here, agency, new.post)
    by = await _filler(tx, here, by, before, new.account_id)
    begins = rules.demand_begins(new.begins, now)
    if new.account_id is not None:
        account = await storage.find_account(tx, new.account_id, agency.id)
        domain.demand_enabled(account)
        rules.demand_person(account)
        await hands.laid(tx, here, account.id, agency.id, "appointed", by=by)
    await _appoint(tx, agency, before, new.account_id, begins, now, set_by=by.subject)
    if before.holder is not None and begins == now and before.holder.account_id != new.account_id:
        tx.emit(AccessRevoked(agency_id=agency.id, before=now, subject=before.holder.account_id))
    after = await incumbents.post(tx, here, agency, new.post)
    written = {"before": _written(before), "after": _written(after)}
    tx.emit(await here.recorder.change(by, Action.POST_FILL, "post", f"{agency.id}/{new.post}", place, written))
    return after


async def delegate(tx: Tx, here: AccountsRoom, new: NewDelegation, *, by: Caller, place: Place) -> Delegation:
    """Who heads the post lets somebody do some of its acts for a time; on its end they drop by themselves (B3).

    Raises Refused `not_post_holder`, Conflict `account_disabled` or `not_a_person`, NotFound, Invalid.
    """
    now = here.clock()
    await tx.lock()
    agency = await storage.find_agency(tx, by.agency_id)
    post = await incumbents.post(tx, here, agency, new.post)
    rules.demand_head(by, post)
    rules.demand_another(by, new.account_id)
    rules.demand_acts(new.post, new.acts)
    begins = new.begins or now
    rules.demand_term(begins, new.ends, now)
    account = await storage.find_account(tx, new.account_id, agency.id)
    domain.demand_enabled(account)
    rules.demand_person(account)
    given = Delegation(
        id=ids.new(),
        agency_id=agency.id,
        post=new.post,
        account_id=account.id,
        name=account.name,
        acts=tuple(sorted(set(new.acts))),
        begins_at=begins,
        ends_at=new.ends,
        given_by=by.subject,
        given_at=now,
    )
    await offices.add_delegation(tx, given)
    await hands.laid(tx, here, account.id, agency.id, "delegated", by=by)
    tx.emit(await _recorded(here, by, None, given, place))
    return given


async def delegations(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Delegation]:
    """Every delegation of the own agency, latest first."""
    tx.emit(here.recorder.administration(by, Action.POST_VIEW, "delegations", by.agency_id, place))
    return await offices.delegations(tx, by.agency_id)


async def revoke(tx: Tx, here: AccountsRoom, delegation_id: str, *, by: Caller, place: Place) -> Delegation:
    """Take a delegation back, at once; whoever heads the post today may. Safe to run twice.

    Raises NotFound, Refused `not_post_holder`.
    """
    now = here.clock()
    await tx.lock()
    before = await offices.find_delegation(tx, by.agency_id, delegation_id)
    agency = await storage.find_agency(tx, by.agency_id)
    rules.demand_head(by, await incumbents.post(tx, here, agency, before.post))
    if before.revoked_at is None:
        await offices.revoke_delegation(tx, before.id, now)
        tx.emit(AccessRevoked(agency_id=agency.id, before=now, subject=before.account_id))
    after = await offices.find_delegation(tx, by.agency_id, delegation_id)
    tx.emit(await _recorded(here, by, before, after, place))
    return after


async def _filler(tx: Tx, here: AccountsRoom, by: Caller, post: Post, account_id: str | None) -> Caller:
    """Who holds the post of administrator, or acts for it, fills posts; the platform a vacant one of administrator."""
    if domain.is_platform(by):
        domain.demand_filler(by, post.code, held=post.holder is not None)
        return by
    administrator = await incumbents.post(tx, here, await storage.find_agency(tx, by.agency_id), ADMINISTRATOR)
    quality = administrator.demand(by, Action.POST_FILL, "B3")
    rules.demand_no_self_service(quality, administrator, post, account_id)
    return by.acting_for(quality.office)


async def _appoint(
    tx: Tx, agency: Agency, post: Post, account_id: str | None, begins: datetime, now: datetime, *, set_by: str
) -> None:
    same = post.holder is not None and post.holder.account_id == account_id
    if same and begins == now:
        await offices.reopen_term(tx, agency.id, post.code, now)
    elif account_id is None:
        await offices.end_term(tx, agency.id, post.code, begins)
    else:
        term = Term(post.code, account_id, "", begins, title=post.title)
        await offices.set_term(tx, ids.new(), agency.id, term, set_by=set_by)


async def _recorded(
    here: AccountsRoom, by: Caller, before: Delegation | None, after: Delegation, place: Place
) -> AccessRecorded:
    written = {"before": before and _told(before), "after": _told(after)}
    return await here.recorder.change(by, Action.POST_DELEGATE, "delegation", after.id, place, written)


def _told(one: Delegation) -> dict[str, Any]:
    return {
        "post": one.post,
        "account_id": one.account_id,
        "acts": list(one.acts),
        "begins_at": one.begins_at.isoformat(),
        "ends_at": one.ends_at.isoformat(),
        "revoked_at": one.revoked_at and one.revoked_at.isoformat(),
    }


def _written(post: Post) -> dict[str, Any]:
    terms: Sequence[Term | None] = (post.holder, post.next)
    holder, coming = (term and {"account_id": term.account_id, "since": term.since.isoformat()} for term in terms)
    return {"title": post.title, "holder": holder, "next": coming}
