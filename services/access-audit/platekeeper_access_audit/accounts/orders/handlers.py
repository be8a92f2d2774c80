"""Drafting, signing, revoking purge orders, and the one question: may this purge run?"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from platekeeper_access_audit.accounts import agencies, domain, storage
from platekeeper_access_audit.accounts.hands import handlers as hands
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.offices.domain import Incumbent, vacant
from platekeeper_access_audit.accounts.orders import domain as rules
from platekeeper_access_audit.accounts.orders import storage as kept
from platekeeper_access_audit.accounts.orders.domain import Approvals, Kind, Order, Purge, Signature
from platekeeper_access_audit.accounts.policy import OrdersPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Refused
from platekeeper_common.periods import Period
from platekeeper_common.policy import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What somebody drafts."""

    kind: Kind
    schedule_item: str
    received_from: datetime | None
    received_before: datetime | None
    reason: str
    approvals: Approvals


async def draft(tx: Tx, here: AccountsRoom, new: NewOrder, *, by: Caller, place: Place) -> Order:
    """An order that waits for its signatures; who acts for a post that signs drafts it (B10).

    Raises Refused `not_a_signer`, Conflict `post_vacant`, NotFound `schedule_item_unknown`, Invalid.
    """
    await tx.lock()
    profile = await _profile(tx, here, by)
    policy = profile.section(OrdersPolicy)
    by = by.acting_for((await _demand_some_signer(tx, here, by, policy)).office)
    rules.demand_item(new.schedule_item, {_schedule(profile)[0]})
    rules.demand_window(new.kind, new.received_from, new.received_before)
    order = Order(
        id=ids.new(),
        agency_id=by.agency_id,
        kind=new.kind,
        schedule_item=new.schedule_item,
        received_from=new.received_from,
        received_before=new.received_before,
        reason=new.reason,
        approvals=new.approvals,
        signed_by=tuple(policy.purge_signed_by),
        drafted_by=by.subject,
        drafted_at=here.clock(),
        policy_version=profile.version,
        sha256="",
    )
    order = replace(order, sha256=rules.text(_text(order)))
    await kept.add(tx, order)
    tx.emit(await here.recorder.change(by, Action.PURGE_ORDER_DRAFT, "purge_order", order.id, place, _text(order)))
    return order


async def sign(tx: Tx, here: AccountsRoom, order_id: str, post: str, sha256: str, *, by: Caller, place: Place) -> Order:
    """The caller signs for the post; the last signature puts the order in force (B10).

    Raises Conflict as `rules.demand_signable`, `post_vacant` (B9), `second_person_beholden`, Refused `not_<post>`,
    NotFound.
    """
    now = here.clock()
    await tx.lock()
    order = await kept.find(tx, by.agency_id, order_id)
    rules.demand_signable(order, post, by.subject, sha256, now)
    agency = await storage.find_agency(tx, by.agency_id)
    standing = await incumbents.post(tx, here, agency, post)
    quality = standing.demand(by, Action.PURGE_ORDER_SIGN, rules.CLAUSE)
    for other in order.signatures:
        await hands.demand_apart(tx, here, agency, other.account_id, by.subject, rules.CLAUSE)
    signature = Signature(
        post=post,
        title=standing.title,
        account_id=by.subject,
        name=by.name,
        signed_at=now,
        delegation_id=quality.delegation_id,
    )
    await kept.sign(tx, order.id, signature)
    signed = await kept.find(tx, by.agency_id, order_id)
    if not signed.missing:
        policy = (await _profile(tx, here, by)).section(OrdersPolicy)
        begins, ends = rules.force(policy, now)
        await kept.change(tx, order.id, in_force_from=begins, ends_at=ends)
        signed = replace(signed, in_force_from=begins, ends_at=ends)
    written = {"post": post, "basis": quality.basis, "sha256": order.sha256}
    by = by.acting_for(quality.office)
    tx.emit(await here.recorder.change(by, Action.PURGE_ORDER_SIGN, "purge_order", order.id, place, written))
    return signed


async def revoke(tx: Tx, here: AccountsRoom, order_id: str, *, by: Caller, place: Place) -> Order:
    """Nothing is destroyed under it any more; any one of the posts that sign may. Safe to run twice.

    Raises Refused `not_a_signer`, Conflict `post_vacant`, NotFound.
    """
    await tx.lock()
    order = await kept.find(tx, by.agency_id, order_id)
    policy = (await _profile(tx, here, by)).section(OrdersPolicy)
    by = by.acting_for((await _demand_some_signer(tx, here, by, policy)).office)
    if order.revoked_at is None:
        order = replace(order, revoked_at=here.clock(), revoked_by=by.subject)
        await kept.change(tx, order.id, revoked_at=order.revoked_at, revoked_by=by.subject)
    tx.emit(here.recorder.administration(by, Action.PURGE_ORDER_SIGN, "purge_order", order.id, place))
    return order


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Order]:
    """Every order of the own agency, latest first."""
    tx.emit(here.recorder.administration(by, Action.PURGE_ORDER_VIEW, "purge_orders", by.agency_id, place))
    return await kept.orders(tx, by.agency_id)


async def check(tx: Tx, here: AccountsRoom, order_id: str, asked: Purge, *, by: Caller, place: Place) -> Order:
    """The order, when the purge may run under it now. Raises as `may_run`."""
    tx.emit(here.recorder.administration(by, Action.PURGE_ORDER_VIEW, "purge_order", order_id, place))
    return await may_run(tx, here, order_id, asked, by=by)


async def may_run(tx: Tx, here: AccountsRoom, order_id: str, asked: Purge, *, by: Caller) -> Order:
    """The order under which the purge may run now (B10, F3).

    Raises NotFound `order_unknown` or `schedule_item_unknown`, Conflict as `rules.demand_covered`, or `post_vacant`
    when a post that signs is vacant today (B9).
    """
    now = here.clock()
    order = await kept.find(tx, by.agency_id, order_id)
    agency = await storage.find_agency(tx, by.agency_id)
    standing = await incumbents.posts(tx, here, agency)
    profile = agencies.profile_of(here, agency)
    item, minimum = _schedule(profile)
    rules.demand_item(order.schedule_item, {item})
    titles = {code: post.title for code, post in standing.items()}
    rules.demand_covered(order, asked, minimum, profile.section(OrdersPolicy).purge_signed_by, titles, now)
    for code in order.signed_by:
        post = standing.get(code)
        if post is not None and Action.PURGE_ORDER_SIGN in post.blocked:
            raise vacant(post)
    return order


async def _demand_some_signer(tx: Tx, here: AccountsRoom, by: Caller, policy: OrdersPolicy) -> Incumbent:
    agency = await storage.find_agency(tx, by.agency_id)
    domain.demand_open(agency)
    standing = await incumbents.posts(tx, here, agency)
    signers = [standing[code] for code in policy.purge_signed_by if code in standing]
    for one in (one for post in signers for one in post.incumbents(Action.PURGE_ORDER_SIGN)):
        if one.account_id == by.subject:
            return one
    for post in signers:
        if Action.PURGE_ORDER_SIGN in post.blocked and any(one.account_id == by.subject for one in post.acting):
            raise vacant(post)
    who = ", ".join(post.title for post in signers)
    detail = f"only who holds a post that signs purge orders does this: {who}"
    raise Refused(detail, code="not_a_signer", clause=rules.CLAUSE)


async def _profile(tx: Tx, here: AccountsRoom, by: Caller) -> Profile:
    return agencies.profile_of(here, await storage.find_agency(tx, by.agency_id))


def _schedule(profile: Profile) -> tuple[str, Period]:
    """The schedule item that the department's reads are kept under, and its minimum (F1, F2)."""
    kept_under = profile.document["retention"]
    return kept_under["schedule_item"], Period.parse(kept_under["minimum"])


def _text(order: Order) -> dict[str, Any]:
    """What is signed."""
    return {
        "id": order.id,
        "agency_id": order.agency_id,
        "kind": order.kind,
        "schedule_item": order.schedule_item,
        "received_from": order.received_from and order.received_from.isoformat(),
        "received_before": order.received_before and order.received_before.isoformat(),
        "reason": order.reason,
        "governing_body": order.approvals.governing_body,
        "attorney_consent": order.approvals.attorney_consent,
        "signed_by": list(order.signed_by),
        "drafted_at": order.drafted_at.isoformat(),
        "policy_version": order.policy_version,
    }
