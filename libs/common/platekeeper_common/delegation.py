"""Acting for a person within an approved request: what a delegated token says besides who the person is (RFC 8693).

`act` names the service that acts, `scope` the request, and `authorization_details` (RFC 9396) what the request opens. A
token holds all three or none, and nothing outside the scope is opened by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from platekeeper_common import areas, patterns, plates
from platekeeper_common.areas import Area
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position
from platekeeper_common.patterns import Pattern

CLAIMS = ("act", "scope", "authorization_details")
RELEASE = "service:release"
"""The actor that fulfils requests of other agencies."""
SECRET = "service/release"  # noqa: S105 - a name
"""The name in the key store of the secret by which that service is known, shown in hexadecimal."""
PLATES_AT_MOST = 100
"""Plates that one scope may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which reads are meant: of these plates or of this pattern (neither: of any), captured when, and where.

    Plates are normalised, moments aware UTC; None leaves a side open.
    """

    plates: tuple[str, ...] = ()
    pattern: Pattern | None = None
    captured_from: datetime | None = None
    """Inclusive."""
    captured_to: datetime | None = None
    """Exclusive."""
    area: Area | None = None

    def within(self, wider: "Scope") -> bool:
        """Whether all that this scope means, `wider` means too.

        Areas are compared as they are written: another area within the wider one is not taken for narrower.
        """
        return self._names_within(wider) and self._when_within(wider) and wider.area in (None, self.area)

    def holds(self, plate: str, captured_at: datetime, position: Position | None) -> bool:
        """Whether a read is one of those meant. A read without a position lies in no area."""
        named = plate in self.plates if self.plates else self.pattern is None or self.pattern.matches(plate)
        begun = self.captured_from is None or captured_at >= self.captured_from
        ended = self.captured_to is not None and captured_at >= self.captured_to
        there = self.area is None or (position is not None and self.area.holds(position))
        return named and begun and not ended and there

    def elements(self) -> dict[str, Any]:
        """The scope as JSON values, without what it leaves open."""
        told = {
            "plates": list(self.plates),
            "pattern": self.pattern and self.pattern.text,
            "from": self.captured_from and _written(self.captured_from),
            "to": self.captured_to and _written(self.captured_to),
            "area": self.area and self.area.elements(),
        }
        return {name: value for name, value in told.items() if value}

    def _names_within(self, wider: "Scope") -> bool:
        if wider.plates:
            return bool(self.plates) and set(self.plates) <= set(wider.plates)
        if wider.pattern is None:
            return True
        return self.pattern == wider.pattern or (bool(self.plates) and all(map(wider.pattern.matches, self.plates)))

    def _when_within(self, wider: "Scope") -> bool:
        begins, ends = wider.captured_from, wider.captured_to
        late = begins is None or (self.captured_from is not None and self.captured_from >= begins)
        early = ends is None or (self.captured_to is not None and self.captured_to <= ends)
        return late and early


@dataclass(frozen=True, slots=True)
class Delegation:
    """A service acts for the token's person within an approved request."""

    actor: str
    """`service:<name>`."""
    request_id: str
    scope: Scope

    @property
    def authority(self) -> str:
        """The token's `scope`: by which request it acts."""
        return f"release:{self.request_id}"

    def claims(self) -> dict[str, Any]:
        """What the token says of it."""
        details = {"type": "release", "request": self.request_id, **self.scope.elements()}
        return {"act": {"sub": self.actor}, "scope": self.authority, "authorization_details": [details]}


class _Circle(Struct, forbid_unknown_fields=True):
    centre: Position
    radius: float


class _Area(Struct, forbid_unknown_fields=True):
    circle: _Circle | None = None
    polygon: Annotated[tuple[Position, ...], Meta(max_length=areas.CORNERS_AT_MOST + 1)] | None = None


class _Scope(Struct, forbid_unknown_fields=True, rename={"captured_from": "from", "captured_to": "to"}, kw_only=True):
    captured_from: Annotated[datetime, Meta(tz=True)]
    captured_to: Annotated[datetime, Meta(tz=True)]
    plates: Annotated[tuple[str, ...], Meta(max_length=PLATES_AT_MOST)] = ()
    pattern: str | None = None
    area: _Area | None = None


class _Details(_Scope, forbid_unknown_fields=True, kw_only=True):
    type: Literal["release"]
    request: Annotated[str, Meta(min_length=1, max_length=64)]


class _Actor(Struct, forbid_unknown_fields=True):
    sub: Annotated[str, Meta(pattern="^service:[a-z]+$")]


def scope_of(document: Any) -> Scope:
    """The scope that `elements` wrote. Raises Invalid `scope_invalid` for any other document."""
    try:
        return _scope(msgspec.convert(document, _Scope))
    except (msgspec.ValidationError, Invalid, ValueError, OverflowError) as error:
        raise Invalid("the scope cannot be understood", code="scope_invalid") from error


def of_claims(claims: Mapping[str, Any]) -> Delegation | None:
    """The delegation that a token's claims hold, None when they hold nothing of one.

    Raises ValueError when they hold a part of it, or what we would not have issued.
    """
    if not any(claims.get(name) is not None for name in CLAIMS):
        return None
    return delegation(claims["act"], claims["scope"], claims["authorization_details"])


def delegation(act: Any, scope: Any, details: Any) -> Delegation:
    """The delegation that the three claims state. Raises ValueError unless they are whole and agree."""
    try:
        actor = msgspec.convert(act, _Actor).sub
        (one,) = msgspec.convert(details, Annotated[list[_Details], Meta(min_length=1, max_length=1)])
        stated = Delegation(actor, one.request, _scope(one))
    except (msgspec.ValidationError, Invalid, OverflowError) as error:
        raise ValueError("the delegation cannot be understood") from error
    if scope != stated.authority:
        raise ValueError("the scope and its details name two requests")
    return stated


def _scope(stated: _Scope) -> Scope:
    if stated.plates and stated.pattern is not None:
        raise ValueError("a scope names plates or a pattern")
    if not stated.plates and stated.pattern is None and stated.area is None:
        raise ValueError("a scope names plates, a pattern or an area")
    scope = Scope(
        plates=tuple(plates.normalise(plate) for plate in stated.plates),
        pattern=None if stated.pattern is None else patterns.parse(stated.pattern),
        captured_from=stated.captured_from.astimezone(UTC),
        captured_to=stated.captured_to.astimezone(UTC),
        area=None if stated.area is None else _area(stated.area),
    )
    if scope.captured_from is None or scope.captured_to is None or not scope.captured_from < scope.captured_to:
        raise ValueError("the window must begin before it ends")
    return scope


def _area(stated: _Area) -> Area:
    if (stated.circle is None) == (stated.polygon is None):
        raise ValueError("an area is a circle or a polygon")
    if stated.circle is not None:
        return areas.circle(stated.circle.centre, stated.circle.radius)
    return areas.polygon(stated.polygon or ())


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
