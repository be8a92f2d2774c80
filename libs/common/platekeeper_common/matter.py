"""The matter session: for what plate data is used, chosen once and copied into every record (clauses A4, A8).

A person chooses purpose and matter at the beginning; the token carries the choice, so that every service knows it
without asking, and the ordinary search needs nothing but the plate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

LIFE = timedelta(minutes=60)
"""How long a choice holds (A4)."""

_Word = Annotated[str, Meta(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Purpose and matter as chosen; `until` in aware UTC."""

    id: str
    """Of the matter session; stands in every record made under it."""
    purpose: str
    """A code of the agency's policy (A1)."""
    type: str
    """criminal, civil, administrative, patrol or other (A8)."""
    number: str | None = None
    number_pending: bool = False
    """The number is not known yet and is owed within a day (A8)."""
    reason: str | None = None
    """In words, for the purpose `other_le` alone."""
    requested_by: str | None = None
    """For whom a dispatcher asks (A3)."""
    unit: str | None = None
    """Of a patrol."""
    shift: str | None = None
    until: datetime

    def claim(self) -> dict[str, Any]:
        """What a token says of it."""
        return {name: value for name, value in msgspec.to_builtins(self).items() if value} | {
            "until": self.until.timestamp()
        }


class _Claim(Struct, forbid_unknown_fields=True, kw_only=True):
    id: _Word
    purpose: _Word
    type: _Word
    number: _Word | None = None
    number_pending: bool = False
    reason: _Word | None = None
    requested_by: _Word | None = None
    unit: _Word | None = None
    shift: _Word | None = None
    until: float


def of_claim(claim: Mapping[str, Any] | None) -> Matter | None:
    """The matter that a token's claim holds. Raises ValueError for what `Matter.claim` never wrote."""
    if claim is None:
        return None
    told = msgspec.structs.asdict(msgspec.convert(claim, _Claim))
    return Matter(**(told | {"until": datetime.fromtimestamp(told["until"], UTC)}))
