"""HTTP documents of the review queue, of alerts and of the register of staff's vehicles."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.ledger.domain import MOST
from platekeeper_access_audit.ledger.reviews.domain import Alert, AlertKind, Disposition, Item, Kind
from platekeeper_access_audit.ledger.reviews.handlers import InFull
from platekeeper_common.documents import Shown

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]
AccountId = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReviewChoice(_Stated):
    """Which items, and which page of them."""

    state: Literal["unsettled", "settled"] | None = None
    kind: Kind | None = None
    cursor: int | None = Field(None, ge=1, le=MOST, description="`next_cursor` of the page before")
    limit: int = Field(100, ge=1, le=500)

    @property
    def settled(self) -> bool | None:
        """None: both."""
        return None if self.state is None else self.state == "settled"


class AlertChoice(_Stated):
    """Which alerts, and which page of them."""

    unseen: bool = False
    cursor: int | None = Field(None, ge=1, le=MOST, description="`next_cursor` of the page before")
    limit: int = Field(100, ge=1, le=500)


class Assignment(_Stated):
    """To whom an item is assigned: the id of an account, not that of the person it is about."""

    reviewer: AccountId


class Settlement(_Stated):
    """What a review found, in words, and what followed."""

    finding: Words
    disposition: Disposition


class Acknowledgement(_Stated):
    """What is done about an alert."""

    note: Words


class Vehicle(_Stated):
    """A vehicle of a member. Its plate is not kept, only a keyed digest of it."""

    plate: Annotated[str, Field(max_length=30)]
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class StepDocument(Shown):
    """What was done with an item, by whom."""

    at: AwareDatetime
    what: str
    subject: str
    username: str
    note: str


class ReviewDocument(Shown):
    """An item of the queue: whose acts it is about, why, and where it stands."""

    id: str
    kind: Kind
    detector: str | None
    state: Literal["open", "assigned", "settled"]
    matter_session: str | None
    subject: str
    username: str
    name: str
    sentence: str
    record_ids: tuple[str, ...]
    opened_at: AwareDatetime
    due_at: AwareDatetime
    policy_version: str
    reviewer: str | None
    finding: str | None
    disposition: Disposition | None
    settled_by: str | None
    settled_at: AwareDatetime | None


class ReviewInFull(ReviewDocument):
    """An item with its steps; `reasons`: in which words the purpose `other_le` was given."""

    steps: tuple[StepDocument, ...]
    reasons: tuple[str, ...] | Literal["sealed"]

    @classmethod
    def opened(cls, found: InFull) -> "ReviewInFull":
        """The document of an item in full."""
        shown = ReviewDocument.model_validate(found.item)
        steps = tuple(StepDocument.model_validate(step) for step in found.steps)
        return cls(**dict(shown), steps=steps, reasons=found.reasons)


class ReviewsDocument(Shown):
    """Items, newest first; `next_cursor` is None on the last page."""

    reviews: tuple[ReviewDocument, ...]
    next_cursor: int | None

    @classmethod
    def of(cls, found: Sequence[Item], limit: int) -> "ReviewsDocument":
        """The document of a page."""
        reviews = tuple(ReviewDocument.model_validate(item) for item in found)
        return cls(reviews=reviews, next_cursor=found[-1].number if len(found) == limit else None)


class AlertDocument(Shown):
    """What the administrator is told at once."""

    id: str
    kind: AlertKind
    about: str
    sentence: str
    subject: str | None
    username: str | None
    code: str | None
    clause: str | None
    happened_at: AwareDatetime
    raised_at: AwareDatetime
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    note: str | None


class AlertsDocument(Shown):
    """Alerts, newest first; `next_cursor` is None on the last page."""

    alerts: tuple[AlertDocument, ...]
    next_cursor: int | None

    @classmethod
    def of(cls, found: Sequence[Alert], limit: int) -> "AlertsDocument":
        """The document of a page."""
        alerts = tuple(AlertDocument.model_validate(alert) for alert in found)
        return cls(alerts=alerts, next_cursor=found[-1].number if len(found) == limit else None)


class VehicleDocument(Shown):
    """A vehicle in the register, without its plate."""

    id: str
    username: str
    entered_by: str
    entered_at: AwareDatetime
