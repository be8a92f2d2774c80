"""Versions of a read that another maker's recogniser sends while a vehicle passes: previews, then the final one.

A read that names its pass is a version of one read, numbered here in the order in which they go out. A preview is worth
telling unless a final one, or a preview that was captured later, has been published; the same read again is the same
version. What was numbered and could not be published supersedes nothing: nobody was told it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from msgspec import Struct
from msgspec.structs import replace

from platekeeper_common.ids import AgencyId, CameraId, DeviceId, Ids, ReadId
from platekeeper_ingest.domain import JudgedRead, ReadResult

REACH = timedelta(minutes=10)
"""From a pass's first read to its last: a maker that counts its passes anew must not overwrite what is long gone."""
_MOST_KNOWN = 100
"""Versions by which a read that comes again is known."""
PassName = tuple[CameraId, str]
"""A camera of the calling device, and what its maker calls the pass."""
Versions = dict[str, int]
"""Versions by the keyed digests of their reads."""


class EdgePass(Struct, frozen=True, kw_only=True):
    """What was numbered and published of a pass; none of it says the plate."""

    read_id: ReadId
    agency_id: AgencyId
    device_id: DeviceId
    camera_id: CameraId
    pass_id: str
    first_at: datetime
    last_at: datetime
    version: int = 0
    """The last one that was given."""
    numbered: Versions = {}
    """Versions that are not known to be on the bus, and would still be the last ones there."""
    published: Versions = {}
    """The last ones on the bus."""
    final: bool = False
    """Whether a final one is on the bus."""
    latest: datetime | None = None
    """When the latest of those on the bus was captured."""

    @property
    def name(self) -> PassName:
        """What its maker calls it, at which camera."""
        return self.camera_id, self.pass_id


Standing = dict[PassName, dict[ReadId, EdgePass]]
"""Passes by their names and the ids of their reads."""


def named(read: JudgedRead) -> PassName | None:
    """Which pass the read says that it is of."""
    return None if read.sent.pass_id is None else (read.sighting.camera_id, read.sent.pass_id)


def names(reads: Iterable[JudgedRead | ReadResult]) -> set[PassName]:
    """The passes that the reads name."""
    return {name for read in reads if isinstance(read, JudgedRead) and (name := named(read))}


def find(known: Standing, read: JudgedRead) -> EdgePass | None:
    """The one of these passes that the read is of: the nearest in time that it lies near enough to."""
    name, at = named(read), read.sighting.captured_at
    own = known.get(name, {}).values() if name else ()
    near = [one for one in own if max(one.last_at, at) - min(one.first_at, at) <= REACH]
    return max(near, key=lambda one: (-_apart(one, at), one.last_at), default=None)


def number(
    known: Iterable[EdgePass],
    reads: Sequence[JudgedRead | ReadResult],
    ids: Ids,
    agency_id: AgencyId,
    device_id: DeviceId,
) -> tuple[list[JudgedRead | ReadResult], list[EdgePass]]:
    """The reads that name their pass as versions of its read, the superseded ones as results; the passes to be kept.

    The versions of one read ascend, and each read is judged as if those before it were published.
    """
    standing = _by_name(known)
    kept: dict[ReadId, EdgePass] = {}
    numbered: list[JudgedRead | ReadResult] = []
    for read in reads:
        if isinstance(read, ReadResult) or (name := named(read)) is None:
            numbered.append(read)
            continue
        one = find(standing, read) or _begun(ids, agency_id, device_id, name, read.sighting.captured_at)
        kept.setdefault(one.read_id, one)
        if (version := version_of(one, read, ids)) is None:
            numbered.append(ReadResult(read.sent.device_read_id, one.read_id))
            continue
        given = replace(read, id=one.read_id, version=version)
        kept[one.read_id] = _given(kept[one.read_id], given, ids)
        standing.setdefault(name, {})[one.read_id] = published(_given(one, given, ids), given, ids)
        numbered.append(given)
    return numbered, list(kept.values())


def without_superseded(
    known: Iterable[EdgePass], reads: Iterable[JudgedRead | ReadResult], ids: Ids
) -> list[JudgedRead | ReadResult]:
    """The reads; those of a known pass that are superseded by what is published as results."""
    standing = _by_name(known)
    return [_superseded(standing, read, ids) or read for read in reads]


def version_of(one: EdgePass, read: JudgedRead, ids: Ids) -> int | None:
    """Which version of the pass the read is; None when it is superseded by what is published."""
    digest, at, newest = _digest(read, ids), read.sighting.captured_at, max(one.published.values(), default=0)
    if (known := one.published.get(digest)) is not None:
        return known if known == newest else None
    if read.sent.preview and (one.final or (one.latest is not None and at < one.latest)):
        return None
    known = one.numbered.get(digest, 0)
    return known if known > newest else one.version + 1


def published(one: EdgePass, read: JudgedRead, ids: Ids) -> EdgePass:
    """The pass with this version of it on the bus; what was numbered before it comes too late for its number."""
    there = _last(one.published | {_digest(read, ids): read.version})
    newest, at = max(there.values()), read.sighting.captured_at
    return replace(
        one,
        numbered={digest: version for digest, version in one.numbered.items() if version > newest},
        published=there,
        final=one.final or not read.sent.preview,
        latest=at if one.latest is None else max(one.latest, at),
    )


def _begun(ids: Ids, agency_id: AgencyId, device_id: DeviceId, name: PassName, at: datetime) -> EdgePass:
    """A pass that begins with a read captured at `at`, which makes its read's id."""
    camera_id, pass_id = name
    return EdgePass(
        read_id=ReadId(ids.derive("read of pass", device_id, camera_id, pass_id, at)),
        agency_id=agency_id,
        device_id=device_id,
        camera_id=camera_id,
        pass_id=pass_id,
        first_at=at,
        last_at=at,
    )


def _by_name(known: Iterable[EdgePass]) -> Standing:
    standing: Standing = {}
    for one in known:
        standing.setdefault(one.name, {})[one.read_id] = one
    return standing


def _superseded(known: Standing, read: JudgedRead | ReadResult, ids: Ids) -> ReadResult | None:
    if isinstance(read, ReadResult) or (one := find(known, read)) is None:
        return None
    return ReadResult(read.sent.device_read_id, one.read_id) if version_of(one, read, ids) is None else None


def _given(one: EdgePass, read: JudgedRead, ids: Ids) -> EdgePass:
    """The pass with this version of it numbered."""
    at = read.sighting.captured_at
    return replace(
        one,
        first_at=min(one.first_at, at),
        last_at=max(one.last_at, at),
        version=max(one.version, read.version),
        numbered=_last(one.numbered | {_digest(read, ids): read.version}),
    )


def _apart(one: EdgePass, at: datetime) -> timedelta:
    return max(one.first_at - at, at - one.last_at, timedelta())


def _last(versions: Mapping[str, int]) -> Versions:
    return dict(sorted(versions.items(), key=itemgetter(1))[-_MOST_KNOWN:])


def _digest(read: JudgedRead, ids: Ids) -> str:
    sent = read.sent
    said = (read.plate, repr(sent.confidence), str(sent.preview), read.crop.sha256 if read.crop else "")
    return ids.derive("version", sent.device_read_id, read.sighting.captured_at, *said)
