"""The HTTP bodies of access approvals."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from platekeeper_access_audit.accounts.approvals.domain import Approval, Occasion, Standing
from platekeeper_access_audit.accounts.approvals.handlers import Access, Reviewed
from platekeeper_access_audit.accounts.titles.documents import Line, Stated
from platekeeper_common.documents import Shown
from platekeeper_common.moments import Instant

MOST_REVIEWED = 200
"""Accounts that one request reviews."""


class AccessStated(Stated):
    """What a person is given from now on."""

    title: Line
    """Of the register (B5)."""
    roles: Annotated[list[str], Field(min_length=1, max_length=10)]
    valid_until: Instant | None = None
    """A contractor's account needs an end."""

    def access(self) -> Access:
        """What is given."""
        return Access(self.title, tuple(self.roles), self.valid_until)


class ReviewStated(Stated):
    """Whose access is approved anew, as it stands."""

    account_ids: Annotated[list[str], Field(min_length=1, max_length=MOST_REVIEWED)]


class ApprovalDocument(Shown):
    """An approval of access (A8)."""

    account_id: str
    approver: str
    approver_name: str
    approver_title: str | None
    title: str
    scope: list[str]
    occasion: Occasion
    given_at: datetime
    review_by: datetime


class ReviewedDocument(Shown):
    """A person with the approval in force, and how it stands to its review."""

    account_id: str
    username: str
    name: str
    standing: Standing
    approval: ApprovalDocument | None


def approval(given: Approval) -> ApprovalDocument:
    """An approval as it is shown."""
    return ApprovalDocument.model_validate(given)


def reviewed(one: Reviewed) -> ReviewedDocument:
    """A person with the approval in force."""
    return ReviewedDocument(
        account_id=one.account.id,
        username=one.account.username,
        name=one.account.name,
        standing=one.standing,
        approval=approval(one.approval) if one.approval else None,
    )
