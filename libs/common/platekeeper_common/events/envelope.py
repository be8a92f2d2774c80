"""The envelope of every event: CloudEvents 1.0, structured JSON, and what an event class must declare."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

import msgspec

from platekeeper_common import ids


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of facts. `partitions` is fixed for life; a compacted topic keeps the last fact of each key for ever."""

    name: str
    partitions: int = 1
    compacted: bool = False
    retention: timedelta = timedelta(days=7)
    kept_for: str | None = None
    """A group: what it has yet to handle is removed by nothing, however old. Not of a compacted topic."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A past-tense fact. Subclasses declare `type` and `topic`; fields are only ever added, each with a default."""

    type: ClassVar[str]
    topic: ClassVar[Topic]
    agency_id: ids.AgencyId

    @property
    def key(self) -> str:
        """What orders this fact: facts of one key stay in order. Subclasses override it."""
        return self.agency_id


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0 attributes around the event's own JSON."""

    id: str
    source: str
    type: str
    time: datetime
    data: msgspec.Raw
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


class Undecodable(ValueError):
    """The bytes are no event that this version of the code knows."""


_envelopes = msgspec.json.Decoder(Envelope)


def event_id(data: bytes) -> str | None:
    """The id in the envelope `data`, when it is one of ours (a UUID); None for bytes that are no event."""
    try:
        return str(UUID(_envelopes.decode(data).id))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None


def encode(event: Event, *, source: str, at: datetime) -> bytes:
    """The event as CloudEvents JSON, said by the service `source` at `at` (aware UTC), under a fresh event id."""
    envelope = Envelope(
        id=ids.new(), source=f"/{source}", type=event.type, time=at, data=msgspec.Raw(msgspec.json.encode(event))
    )
    return msgspec.json.encode(envelope)


def decode(data: bytes, known: Mapping[str, "msgspec.json.Decoder[Event]"]) -> Event:
    """The event in CloudEvents JSON `data`; unknown fields are ignored. Raises Undecodable naming what is wrong."""
    try:
        envelope = _envelopes.decode(data)
        if (decoder := known.get(envelope.type)) is None:
            raise Undecodable(f"unknown event type {envelope.type}")
        return decoder.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not an event: {error}") from error
