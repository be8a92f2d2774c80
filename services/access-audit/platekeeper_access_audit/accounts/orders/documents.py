"""The HTTP bodies of purge orders."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from platekeeper_access_audit.accounts.orders.domain import Order, Purge
from platekeeper_common.moments import Instant

Item = Annotated[str, StringConstraints(min_length=1, max_length=50)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"\S")]
Paper = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class OrderRequest(Document):
    """An order to be signed (B10)."""

    kind: Literal["standing", "single"]
    schedule_item: Item
    received_from: Instant | None = None
    received_before: Instant | None = None
    """A single order names its window; a standing one has none."""
    reason: Words
    governing_body: Paper | None = None
    """Resolution of the governing body (Government Code 34090.6), number and date."""
    attorney_consent: Paper | None = None
    """Reference of the agency attorney's written consent (Government Code 34090.6)."""


class SignatureRequest(Document):
    """What is signed, for which post."""

    post: Annotated[str, StringConstraints(max_length=50)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the order, as it was shown."""


class PurgeRequest(Document):
    """What is to be destroyed: records of the schedule item received within the window."""

    schedule_item: Item
    received_from: Instant | None = None
    received_before: Instant

    def purge(self) -> Purge:
        """As the rules take it."""
        return Purge(self.schedule_item, self.received_from, self.received_before)


class SignatureDocument(Document):
    """One post's word."""

    post: str
    title: str
    account_id: str
    name: str
    signed_at: datetime
    delegation_id: str | None


class OrderDocument(Document):
    """A purge order as it stands."""

    id: str
    kind: str
    schedule_item: str
    received_from: datetime | None
    received_before: datetime | None
    reason: str
    governing_body: str | None
    attorney_consent: str | None
    signed_by: list[str]
    missing: list[str]
    signatures: list[SignatureDocument]
    sha256: str
    status: str
    drafted_by: str
    drafted_at: datetime
    policy_version: str
    in_force_from: datetime | None
    ends_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, order: Order, now: datetime) -> "OrderDocument":
        """As it stands now."""
        signatures = [
            SignatureDocument(
                post=one.post,
                title=one.title,
                account_id=one.account_id,
                name=one.name,
                signed_at=one.signed_at,
                delegation_id=one.delegation_id,
            )
            for one in order.signatures
        ]
        return cls(
            id=order.id,
            kind=order.kind,
            schedule_item=order.schedule_item,
            received_from=order.received_from,
            received_before=order.received_before,
            reason=order.reason,
            governing_body=order.approvals.governing_body,
            attorney_consent=order.approvals.attorney_consent,
            signed_by=list(order.signed_by),
            missing=order.missing,
            signatures=signatures,
            sha256=order.sha256,
            status=order.status(now),
            drafted_by=order.drafted_by,
            drafted_at=order.drafted_at,
            policy_version=order.policy_version,
            in_force_from=order.in_force_from,
            ends_at=order.ends_at,
            revoked_at=order.revoked_at,
        )


class CheckDocument(Document):
    """A purge that may run, and under which order."""

    may_run: Literal[True] = True
    order_id: str
    signatures: list[SignatureDocument]
    ends_at: datetime
