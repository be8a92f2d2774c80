"""Reported partial plates as JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from platekeeper_common.documents import Shown, UseStated
from platekeeper_hotlist.reported.domain import State

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]


class PartialReported(UseStated):
    """What a witness saw of a plate: `?` stands for one unknown character, `*` for any number (A7)."""

    incident: Annotated[Line, Field(description="Number of the incident")] = ""
    incident_type: Annotated[Line, Field(description="One of the agency's policy")] = ""
    plate: Annotated[str, Field(max_length=40, description="For example 7A?C*")]
    reason: Annotated[str | None, Field(max_length=1000, description="Needed for the purpose other_le (A1)")] = None


class NotEntered(UseStated):
    """Why a partial plate is not entered on a hot list."""

    why: Annotated[str, Field(max_length=500)]
    reason: Annotated[str | None, Field(max_length=1000, description="Needed for the purpose other_le (A1)")] = None


class ReportedDocument(Shown):
    """A partial plate of an incident; `prompt` says what is due."""

    id: str
    incident: str
    incident_type: str
    major: bool
    plate: str = Field(validation_alias="pattern")
    reported_by: str
    reported_at: datetime
    state: State
    prompt: str | None
    entry_id: str | None
    why: str | None = Field(validation_alias="reason")
    settled_by: str | None
    settled_at: datetime | None


class ReportedList(BaseModel):
    """Newest first."""

    partials: list[ReportedDocument]
