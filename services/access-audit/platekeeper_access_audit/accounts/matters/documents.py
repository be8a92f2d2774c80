"""The HTTP bodies of matters."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_common.access import Use
from platekeeper_common.documents import Shown

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class MatterAsked(BaseModel):
    """For what the person uses plate data from now on (A1, A4, A8)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Annotated[str | None, Field(max_length=64, description="Purpose code of the agency's policy (A1)")] = None
    matter_type: Annotated[
        str | None, Field(max_length=64, description="criminal, civil, administrative, patrol, other (A8)")
    ] = None
    matter_number: Annotated[Word | None, Field(description="Case, incident or matter number (A8)")] = None
    number_pending: Annotated[bool, Field(description="The number is not known yet and owed within a day (A8)")] = False
    reason: Annotated[str | None, Field(max_length=1000, description="Needed for the purpose other_le (A1)")] = None
    requested_by: Annotated[Line | None, Field(description="For whom a dispatcher asks (A3)")] = None
    unit: Annotated[Word | None, Field(description="Of a patrol; left out: the session's (A4)")] = None
    shift: Annotated[Word | None, Field(description="Of a patrol; left out: the one on duty (A4)")] = None

    def use(self) -> Use:
        """What is chosen; a number that is given is not pending."""
        return Use(
            purpose=self.purpose or "",
            matter_type=self.matter_type or "",
            matter_number=self.matter_number,
            number_pending=self.number_pending and self.matter_number is None,
            reason=self.reason,
            requested_by=self.requested_by,
            unit=self.unit,
            shift=self.shift,
        )


class NumberSupplied(BaseModel):
    """The number that was pending."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    matter_number: Word


class MatterDocument(Shown):
    """The matter of a session; its `id` stands in every record made under it."""

    id: str
    purpose: str
    type: str
    number: str | None
    number_pending: bool
    reason: str | None
    requested_by: str | None
    unit: str | None
    shift: str | None
    until: datetime


class MatterShown(BaseModel):
    """The session's matter; null when none is chosen."""

    matter: MatterDocument | None


class MatterToken(MatterShown):
    """A token (RFC 6750) that carries the matter, and takes the place of the last one."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int
    """Seconds: no longer than the token that it was asked with."""
