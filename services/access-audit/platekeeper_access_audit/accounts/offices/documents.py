"""The HTTP bodies of posts and delegations."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from platekeeper_access_audit.accounts.agency_names import AgencyName
from platekeeper_access_audit.accounts.offices.domain import Delegation, Incumbent, Post
from platekeeper_access_audit.accounts.storage import Term
from platekeeper_common.actions import Action
from platekeeper_common.moments import Instant


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class PostRequest(Document):
    """Who holds the post from now on, or from a later moment; nobody when null."""

    account_id: str | None
    begins: Instant | None = None
    """Null: now."""
    agency_id: AgencyName | None = None
    """Only the platform's administrator says it."""


class TermDocument(Document):
    """A term of a post: past, present or to come."""

    account_id: str
    name: str
    title: str
    """Of the post when the term was set."""
    since: datetime
    until: datetime | None
    """Null: open."""

    @classmethod
    def of(cls, term: Term, title: str) -> "TermDocument":
        """As it is kept; `title` is the post's today."""
        return cls(
            account_id=term.account_id,
            name=term.name,
            title=term.title or title,
            since=term.since,
            until=term.until,
        )


class ActingDocument(Document):
    """Who acts for a vacant post (B9)."""

    post: str | None
    title: str | None
    account_ids: list[str]
    names: list[str]


class PostDocument(Document):
    """A post as it stands."""

    post: str
    title: str
    account_id: str | None
    name: str | None
    since: datetime | None
    until: datetime | None
    """When the present term ends, if that is set."""
    vacant_since: datetime | None
    """Null: held, or never held yet."""
    next: TermDocument | None
    acting: ActingDocument | None
    """Null while the post is held."""
    blocked: list[str]
    """What waits until the post is filled."""

    @classmethod
    def of(cls, post: Post) -> "PostDocument":
        """As it stands now."""
        holder = post.holder
        acting = ActingDocument(
            post=post.acting_post,
            title=post.acting_title,
            account_ids=[term.account_id for term in post.acting],
            names=[term.name for term in post.acting],
        )
        return cls(
            post=post.code,
            title=post.title,
            account_id=holder.account_id if holder else None,
            name=holder.name if holder else None,
            since=holder.since if holder else None,
            until=holder.until if holder else None,
            vacant_since=post.vacant_since,
            next=TermDocument.of(post.next, post.title) if post.next else None,
            acting=None if holder else acting,
            blocked=sorted(post.blocked),
        )


class IncumbentDocument(Document):
    """Somebody who may do the act for the post now."""

    account_id: str
    name: str
    basis: Literal["holder", "delegate", "acting"]
    until: datetime | None
    delegation_id: str | None
    authority: str | None
    """By what, as the access record of the act says it; null: the holder needs none."""


class IncumbentsDocument(Document):
    """Who may do an act for a post now; nobody where it waits until the post is filled (B9)."""

    post: PostDocument
    act: Action
    incumbents: list[IncumbentDocument]

    @classmethod
    def of(cls, post: Post, act: Action) -> "IncumbentsDocument":
        """As the rules find them."""
        found = [_incumbent(one) for one in post.incumbents(act)]
        return cls(post=PostDocument.of(post), act=act, incumbents=found)


class DelegationRequest(Document):
    """Which acts of a post somebody may do, from when to when (B3)."""

    post: Annotated[str, Field(max_length=50)]
    account_id: Annotated[str, Field(max_length=64)]
    acts: Annotated[list[Action], Field(min_length=1, max_length=50)]
    begins: Instant | None = None
    """Null: now."""
    ends: Instant


class DelegationDocument(Document):
    """A delegation as it is kept."""

    id: str
    post: str
    account_id: str
    name: str
    acts: list[str]
    begins: datetime
    ends: datetime
    given_by: str
    given_at: datetime
    revoked_at: datetime | None
    in_force: bool

    @classmethod
    def of(cls, one: Delegation, now: datetime) -> "DelegationDocument":
        """As it is kept, and whether it gives something now."""
        return cls(
            id=one.id,
            post=one.post,
            account_id=one.account_id,
            name=one.name,
            acts=list(one.acts),
            begins=one.begins_at,
            ends=one.ends_at,
            given_by=one.given_by,
            given_at=one.given_at,
            revoked_at=one.revoked_at,
            in_force=one.in_force(now),
        )


def _incumbent(one: Incumbent) -> IncumbentDocument:
    return IncumbentDocument(
        account_id=one.account_id,
        name=one.name,
        basis=one.basis,
        until=one.office.until,
        delegation_id=one.delegation_id,
        authority=one.office.authority,
    )
