"""The register of devices in memory, so that no frame waits for a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from platekeeper_common.caller import Caller
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import Camera, DeviceChanged
from platekeeper_common.ids import DeviceId
from platekeeper_ingest import domain


@dataclass(frozen=True, slots=True)
class Sender:
    """A registered device that is sending, and its cameras by id."""

    device: DeviceChanged
    cameras: Mapping[str, Camera]


@dataclass(slots=True)
class Register:
    """The last word on every device: loaded from our tables, kept current by our commits and by `device.changed`."""

    _devices: dict[str, DeviceChanged] = field(default_factory=dict)

    @classmethod
    def of(cls, devices: Iterable[domain.Device]) -> "Register":
        """The register as the tables hold it."""
        return cls({device.id: device.changed() for device in devices})

    def take(self, word: DeviceChanged) -> None:
        """Take in a word on a device; an older one than ours changes nothing."""
        self._devices[word.device_id] = domain.latest(self._devices.get(word.device_id), word)

    async def apply(self, event: Event) -> None:
        """Follow `device.changed`: what other processes registered. Safe to run twice."""
        assert isinstance(event, DeviceChanged)  # noqa: S101 - the topic carries nothing else
        self.take(event)

    def sender(self, who: Caller) -> Sender:
        """The calling device. Raises Unauthenticated `device_unknown` (clause B1)."""
        device = domain.registered(self._devices, who)
        return Sender(device, domain.by_id(device.cameras))

    def in_service(self) -> Mapping[DeviceId, int]:
        """The devices that are not retired, and how many cameras each has."""
        return {word.device_id: len(word.cameras) for word in self._devices.values() if not word.retired}
