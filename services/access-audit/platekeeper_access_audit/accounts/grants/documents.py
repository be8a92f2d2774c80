"""The HTTP bodies of role grants."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.accounts.grants.domain import Grant


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class RolesRequest(Document):
    """The roles that the account is to have, all of them."""

    roles: Annotated[list[str], Field(min_length=1, max_length=10)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"\S")]


class GrantDocument(Document):
    """A grant and what became of it."""

    id: str
    account_id: str
    before: list[str]
    after: list[str]
    reason: str
    status: str
    """`proposed`: waits for a second person; `in_force`; `superseded` by a later one."""
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_by_name: str | None
    settled_at: datetime | None

    @classmethod
    def of(cls, grant: Grant) -> "GrantDocument":
        """As it is kept."""
        return cls(
            id=grant.id,
            account_id=grant.account_id,
            before=list(grant.before),
            after=list(grant.after),
            reason=grant.reason,
            status=grant.status,
            proposed_by=grant.proposed_by,
            proposed_by_name=grant.proposed_by_name,
            proposed_at=grant.proposed_at,
            confirmed_by=grant.confirmed_by,
            confirmed_by_name=grant.confirmed_by_name,
            settled_at=grant.settled_at,
        )
