"""The HTTP bodies of the register of titles."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_common.documents import Shown
from platekeeper_common.lines import readable

Line = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^\S(.*\S)?$"), AfterValidator(readable)]


class Stated(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TitleStated(Stated):
    """A job title as it is to stand in the register (B5)."""

    title: Line
    kind: Literal["member", "contractor"]
    roles: Annotated[list[str], Field(min_length=1, max_length=10)]
    """The roles that its holders may be given."""
    courses: Annotated[list[Line], Field(min_length=1, max_length=20)]
    """What its holders must have completed, all of it (B6)."""


class TitleNamed(Stated):
    """A title of the register."""

    title: Line


class TitleDocument(Shown):
    """A job title in the register."""

    title: str
    kind: Literal["member", "contractor"]
    roles: list[str]
    courses: list[str]
    since: datetime | None
    """Null: as the department's policy has it."""
    changed_by: str | None
