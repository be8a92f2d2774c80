"""The rules of purge orders: what one covers, who must sign it, and whether it is in force (clauses B10, B9, F3)."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import rfc8785

from platekeeper_access_audit.accounts.policy import OrdersPolicy
from platekeeper_common.errors import Conflict, Invalid, NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Period

Kind = Literal["standing", "single"]
CLAUSE = "B10"


@dataclass(frozen=True, slots=True)
class Approvals:
    """What Government Code 34090.6 asks for beside the signatures, as the papers say it (F3); kept, not checked."""

    governing_body: str | None = None
    """Resolution of the governing body: number and date."""
    attorney_consent: str | None = None
    """Reference of the agency attorney's written consent."""


@dataclass(frozen=True, slots=True)
class Purge:
    """What is to be destroyed: records of a schedule item, received within the window."""

    schedule_item: str
    received_from: datetime | None
    """None: from the beginning."""
    received_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One post's word for an order."""

    post: str
    title: str
    account_id: str
    name: str
    signed_at: datetime
    delegation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order to destroy: standing, for all that is due under a schedule item, or single, for one window of it."""

    id: str
    agency_id: AgencyId
    kind: Kind
    schedule_item: str
    received_from: datetime | None
    received_before: datetime | None
    """None: whatever is due when the purge runs."""
    reason: str
    approvals: Approvals
    signed_by: tuple[str, ...]
    """The posts whose signatures it needs."""
    drafted_by: str
    drafted_at: datetime
    policy_version: str
    sha256: str
    """Of its text (`text`): what is signed is what was read."""
    in_force_from: datetime | None = None
    """The last signature; None: it lacks one."""
    ends_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    signatures: tuple[Signature, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The posts that have not signed."""
        signed = {one.post for one in self.signatures}
        return [post for post in self.signed_by if post not in signed]

    def status(self, now: datetime) -> str:
        """`unsigned`, `in_force`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.missing or self.ends_at is None:
            return "unsigned"
        return "in_force" if now < self.ends_at else "expired"


def text(order: Mapping[str, Any]) -> str:
    """The SHA-256 of an order's canonical text (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(dict(order))).hexdigest()


def demand_item(item: str, known: Collection[str]) -> None:
    """Raise NotFound `schedule_item_unknown` unless the agency's schedule has it."""
    if item not in known:
        detail = f"the agency's retention schedule has these items: {', '.join(sorted(known))}"
        raise NotFound(detail, code="schedule_item_unknown", clause=CLAUSE)


def demand_window(kind: Kind, received_from: datetime | None, received_before: datetime | None) -> None:
    """Raise Invalid `order_window_wrong`: a standing order has none, a single one ends after it begins."""
    if kind == "standing":
        if received_from is not None or received_before is not None:
            detail = "a standing order covers whatever is due; a window needs an order of kind single"
            raise Invalid(detail, code="order_window_wrong", clause=CLAUSE)
    elif received_before is None or (received_from is not None and received_from >= received_before):
        detail = "a single order says which records: received_before, after received_from"
        raise Invalid(detail, code="order_window_wrong", clause=CLAUSE)


def demand_signable(order: Order, post: str, by: str, sha256: str, now: datetime) -> None:
    """Raise Conflict unless the caller's signature for the post can be taken now (B10).

    `order_revoked`, `order_expired`, `order_altered`, `not_a_signer`, `already_signed` or `same_person`.
    """
    demand_alive(order, now)
    if sha256 != order.sha256:
        raise _refused("this is not the text of the order; read it again and sign what it says", "order_altered")
    if post not in order.signed_by:
        posts = ", ".join(order.signed_by)
        raise _refused(f"the order is signed by {posts}", "not_a_signer", signed_by=list(order.signed_by))
    if post not in order.missing:
        raise _refused("the post has signed the order before", "already_signed")
    if any(one.account_id == by for one in order.signatures):
        detail = f"two persons sign; you have signed for the other post; missing: {', '.join(order.missing)}"
        raise _refused(detail, "same_person", missing=order.missing)


def demand_alive(order: Order, now: datetime) -> None:
    """Raise Conflict `order_revoked` or `order_expired` (B10)."""
    if order.revoked_at is not None:
        raise _refused("the order was revoked; draft another", "order_revoked")
    if order.status(now) == "expired":
        raise _refused(f"the order expired at {order.ends_at}; draft and sign another", "order_expired")


def demand_covered(
    order: Order, asked: Purge, minimum: Period, signed_by: Sequence[str], titles: Mapping[str, str], now: datetime
) -> None:
    """Return when the order lets the purge run; vacancies are the caller's to check (B9).

    `signed_by`: the posts that sign by the policy in force, which may ask for more than the order was drafted for.

    Raises Conflict `order_revoked`, `order_expired`, `order_unsigned` naming who is missing, or `outside_order` (B10);
    `not_due` while some of the records have not served their minimum, counted from receipt (F1).
    """
    demand_alive(order, now)
    if order.missing:
        who = ", ".join(titles.get(post, post) for post in order.missing)
        detail = f"the order lacks a signature: {who}; POST /v1/purge-orders/{order.id}/signatures"
        raise _refused(detail, "order_unsigned", missing=order.missing)
    if unasked := [post for post in signed_by if post not in order.signed_by]:
        who = ", ".join(titles.get(post, post) for post in unasked)
        detail = f"by the policy in force {who} signs too, whom the order was not drafted for; draft and sign another"
        raise _refused(detail, "order_unsigned", missing=unasked)
    late = order.received_before is not None and asked.received_before > order.received_before
    early = order.received_from is not None and (
        asked.received_from is None or asked.received_from < order.received_from
    )
    if asked.schedule_item != order.schedule_item or late or early:
        detail = "the order does not cover these records; what lies outside it is signed singly, by the same posts"
        raise _refused(detail, "outside_order", signed_by=list(order.signed_by))
    if minimum.after(asked.received_before) > now:
        detail = f"records are kept for {minimum} from their receipt; nothing younger is destroyed"
        raise Conflict(detail, code="not_due", clause="F1")


def force(policy: OrdersPolicy, signed_at: datetime) -> tuple[datetime, datetime]:
    """From when to when an order is good that got its last signature now."""
    return signed_at, policy.purge_order_stands.after(signed_at)


def _refused(detail: str, code: str, **more: Any) -> Conflict:
    return Conflict(detail, code=code, clause=CLAUSE, **more)
