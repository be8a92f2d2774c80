"""The HTTP bodies of terminals."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from platekeeper_access_audit.accounts.terminals.domain import Presented
from platekeeper_common.caller import TerminalKind
from platekeeper_common.documents import PositionDocument, PositionStated

Line = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^\S(.*\S)?$")]


class NewTerminal(BaseModel):
    """A workstation as it is registered."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    kind: TerminalKind
    position: PositionStated | None = None
    """Of what stands still."""


class TerminalDocument(BaseModel):
    """A workstation as it is kept."""

    id: str
    name: str
    kind: TerminalKind
    position: PositionDocument | None
    registered_at: datetime
    retired_at: datetime | None


class TerminalSecret(TerminalDocument):
    """A new workstation, and the secret that it shows at every login; shown only now."""

    secret: str


class TerminalStated(BaseModel):
    """The workstation at which somebody signs on."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    secret: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    position: PositionStated | None = None
    """Where a car's computer finds itself now; of what stands still the register says it."""

    def presented(self) -> Presented:
        """As signing on takes it."""
        return Presented(self.id, self.secret, self.position.position() if self.position else None)


class SignedOnFrom(BaseModel):
    """From where somebody signs on, in any way."""

    model_config = ConfigDict(extra="forbid")

    terminal: TerminalStated | None = None
    """The registered workstation, if it is one."""
    device_token: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    """What the last login from this device answered."""
    accept_policy: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The SHA-256 of the agency's published policy, which the person accepts by sending it (B4)."""
    cookie: bool = False
    """Keep the refresh token in a cookie out of reach of pages, instead of answering it."""
