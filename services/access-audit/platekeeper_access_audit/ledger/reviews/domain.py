"""Rules of the review queue and of alerts: values in, values out (clauses A1, A4, A8, G4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from platekeeper_access_audit.ledger.policy import Detector
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Refused
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.ids import AgencyId
from platekeeper_common.shared_policy import OTHER

Kind = Literal["other_le", "number_pending", "finding"]
"""Why an item is in the queue: a purpose in free words (A1), a number still owed (A8), a detector's finding (A4)."""
Disposition = Literal["no_violation", "explained", "training", "policy_violation", "referred"]
"""What followed from a review."""
AlertKind = Literal["refusal", "audit_overdue", "notification_overdue"]
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)
ALARMING = frozenset({"purpose_prohibited", "immigration_refused"})
"""Codes of refusals that the administrator hears of at once (A4, J4)."""
NUMBER_GIVEN = "matter.number"
"""The act that supplies a matter's number later; its object is the matter session (A8)."""
MOST_RECORDS = 200
"""Records that an item names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of the review queue. `subject` is whose acts it is about; that person settles it never."""

    number: int = 0
    id: str
    agency_id: AgencyId
    kind: Kind
    detector: Detector | None = None
    matter_session: str | None = None
    subject: str
    username: str
    name: str
    sentence: str
    record_ids: tuple[str, ...]
    opened_at: datetime
    due_at: datetime
    policy_version: str
    reviewer: str | None = None
    """The account it is assigned to."""
    finding: str | None = None
    disposition: Disposition | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None

    @property
    def state(self) -> Literal["open", "assigned", "settled"]:
        """Where it stands."""
        if self.settled_at is not None:
            return "settled"
        return "open" if self.reviewer is None else "assigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an item's way, for ever: what was done, by whom, with what words."""

    at: datetime
    what: Literal["opened", "extended", "assigned", "settled"]
    subject: str
    username: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What the administrator is told at once. `about` names the record, the audit or the breach."""

    number: int = 0
    id: str
    agency_id: AgencyId
    kind: AlertKind
    about: str
    sentence: str
    subject: str | None = None
    username: str | None = None
    code: str | None = None
    clause: str | None = None
    happened_at: datetime
    raised_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str | None = None


def demand_not_subject(subject: str | None, by: Caller) -> None:
    """Raise Refused `own_review` when somebody would judge the own acts (G4)."""
    if subject is not None and subject == by.subject:
        raise Refused(
            "nobody reviews their own acts; another administrator, auditor or supervisor can",
            code="own_review",
            clause="G4",
        )


def demand_may_settle(item: Item, by: Caller) -> None:
    """Raise Refused `own_review`, or Conflict `review_settled` or `assigned_to_another`."""
    demand_not_subject(item.subject, by)
    if item.state == "settled":
        raise Conflict("this item was settled; its finding stays", code="review_settled", clause="G4")
    if item.reviewer not in (None, by.subject):
        raise Conflict(
            "this item is assigned to another reviewer; assign it to yourself first",
            code="assigned_to_another",
            clause="G4",
        )


def demand_may_assign(item: Item, to: str) -> None:
    """Raise Refused `own_review` for the person it is about, Conflict `review_settled`."""
    if to == item.subject:
        raise Refused(
            "this item is about that person's acts; assign it to somebody else", code="own_review", clause="G4"
        )
    if item.state == "settled":
        raise Conflict("this item was settled; its finding stays", code="review_settled", clause="G4")


def is_other(record: AccessRecorded) -> bool:
    """Whether plate data was opened for a purpose in free words, which a supervisor looks at (A1)."""
    return record.kind == "plate_data" and record.outcome == "allowed" and record.purpose == OTHER


def owes_number(record: AccessRecorded) -> bool:
    """Whether plate data was opened under a matter whose number is owed (A8)."""
    return record.kind == "plate_data" and bool(record.number_pending) and record.matter_session is not None


def gives_number(record: AccessRecorded) -> bool:
    """Whether the record says that the number of a matter session has come."""
    return record.action == NUMBER_GIVEN and record.outcome == "allowed" and record.object_id is not None


def alarms(record: AccessRecorded) -> bool:
    """Whether the administrator hears of this refusal at once (A4, J4)."""
    return record.outcome == "refused" and record.code in ALARMING


def refusal_in_words(record: AccessRecorded) -> str:
    """The alert's sentence."""
    why = "immigration enforcement" if record.code == "immigration_refused" else "a prohibited purpose"
    return f"{record.name or record.username} was refused {record.action} for {why}."


def other_in_words(record: AccessRecorded) -> str:
    """The sentence of an item about the purpose `other_le`."""
    return f"{record.name} opened plate data for a law enforcement purpose that the list does not name."


def owed_in_words(name: str, hours: int) -> str:
    """The sentence of an item about a number that did not come."""
    return f"{name} opened plate data for a matter whose number was still pending {hours} hours later."
