"""The rule of two persons: whoever opened, reset or chose an account could be its person, or speak through it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from platekeeper_common.errors import Conflict

Act = Literal["opened", "reset", "appointed", "delegated"]
"""After the first two somebody else knows a password of the account; after the others somebody else chose it."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody did something to an account by which he could stand behind it."""

    account_id: str
    by: str
    act: Act
    at: datetime


def demand_apart(one: str, other: str, hands: Sequence[Hand], apart: timedelta, clause: str) -> None:
    """Raise Conflict `second_person_beholden` while one person could stand behind both accounts (A3, B2).

    `hands`: those on the agency's accounts that lie back no longer than `apart`.
    """
    behind, beyond = _behind(one, hands), _behind(other, hands)
    if not {one, *(hand.by for hand in behind)} & {other, *(hand.by for hand in beyond)}:
        return
    until = max(hand.at for hand in (*behind, *beyond)) + apart
    detail = (
        "two persons are asked for, and one who lately opened, reset or put into office one of the two accounts could "
        "stand behind the other: let somebody else of those in office do it, or wait; at the latest from "
        f"{until.isoformat()} on the two count as two persons"
    )
    raise Conflict(detail, code="second_person_beholden", clause=clause, until=until.isoformat())


def _behind(account_id: str, hands: Sequence[Hand]) -> list[Hand]:
    """The hands that lay on the account, those that lay on the accounts of these, and so on."""
    found: list[Hand] = []
    asked, reached = [account_id], {account_id}
    while asked:
        account = asked.pop()
        for hand in hands:
            if hand.account_id == account != hand.by:
                found.append(hand)
                if hand.by not in reached:
                    reached.add(hand.by)
                    asked.append(hand.by)
    return found
