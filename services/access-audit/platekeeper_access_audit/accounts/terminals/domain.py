"""What a terminal is, and what signing on at one asks."""

from dataclasses import dataclass
from datetime import datetime

from platekeeper_common.caller import Terminal, TerminalKind
from platekeeper_common.errors import Unauthenticated
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredTerminal:
    """A workstation of an agency: a desk, a car's computer, a dispatcher's place, a phone."""

    id: str
    agency_id: AgencyId
    name: str
    kind: TerminalKind
    secret_sha256: str
    registered_at: datetime
    latitude: float | None = None
    longitude: float | None = None
    """WGS 84, degrees; of what stands still."""
    retired_at: datetime | None = None

    @property
    def position(self) -> Position | None:
        """Where it stands, if that is known."""
        known = self.latitude is not None and self.longitude is not None
        return Position(self.latitude, self.longitude) if known else None  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Presented:
    """What a login says of its terminal: id, secret, and where a car's computer finds itself."""

    id: str
    secret: str
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """The terminal at which somebody signs on, and where it is, if that is known."""

    terminal: Terminal
    position: Position | None = None


def terminal_unknown() -> Unauthenticated:
    """The one answer to an unknown id, a wrong secret, a retired terminal and another agency's."""
    detail = "no terminal of your agency with this id and secret is in service; its administrator registers one"
    return Unauthenticated(detail, code="terminal_unknown", clause="G2")
