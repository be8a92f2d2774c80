"""Every event that the platform knows, by type."""

import msgspec

from platekeeper_common.events import access, envelope, hotlist, ingest, public, recognition, retention
from platekeeper_common.events.envelope import Event, Topic

EVENTS: tuple[type[Event], ...] = (
    ingest.FrameCaptured,
    ingest.DeviceChanged,
    recognition.PlatesRead,
    hotlist.HitRaised,
    hotlist.HotlistChanged,
    retention.ReadCorrected,
    access.AgencyChanged,
    access.PolicyAdopted,
    access.AccessRevoked,
    access.AccessRecorded,
    access.CheckpointSigned,
    public.StatedInPublic,
    public.PolicyPublished,
)
TOPICS: dict[str, Topic] = {event.topic.name: event.topic for event in EVENTS}

_decoders: dict[str, msgspec.json.Decoder[Event]] = {event.type: msgspec.json.Decoder(event) for event in EVENTS}


def decode(data: bytes) -> Event:
    """The event in CloudEvents JSON `data`. Raises envelope.Undecodable naming what is wrong."""
    return envelope.decode(data, _decoders)
