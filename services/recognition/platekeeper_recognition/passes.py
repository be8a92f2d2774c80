"""Which plates of which frames show one vehicle passing one camera, and when what they say together is worth telling.

The first frame of a pass is told at once; its read's id is made of that frame. A better reading is a new version of it;
what merely says the same again is counted and not told. Passes go by when frames were captured, never by when they
came: late frames and frames out of order find their pass, and a frame that comes again is known.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import dist

from msgspec import Struct
from msgspec.structs import replace

from platekeeper_common.events.recognition import Box, Candidate, PlateRead
from platekeeper_common.ids import AgencyId, CameraId, FrameId, ReadId
from platekeeper_recognition import domain, votes
from platekeeper_recognition.domain import Plate
from platekeeper_recognition.votes import Votes

MOST_VERSIONS = 8
"""Of one pass; a reading that goes to and fro must not flood the bus."""
_MOST_SURER = 4
"""Versions up to which one may say the same plate with more confidence; the others are left to other plates."""
_LEAST_RISE = 0.1
"""The doubt must have halved, and by no less than this."""
_MOST_FRAMES = 500
"""Frames of a pass by which one that comes again is known."""
_SHARED = 0.1
"""Two readings that agree on so much of their probability are of one plate."""
_MOST_EDITS = 2
"""Characters changed, lost or added between two readings of one plate."""
_AT_ONCE = timedelta(seconds=1)
"""So near in time to frames that read the plate, at one place, another reading is of it all the same."""
_NEAR = 3.0
"""Widths of a plate by which it may have moved."""
_GROWN = 2.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a pass reaches in time."""

    gap: timedelta
    """Between two of its frames, at most."""
    longest: timedelta
    """From its first frame to its last: a vehicle that stays is read anew after that."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, as passes know it."""

    id: FrameId
    agency_id: AgencyId
    camera_id: CameraId
    captured_at: datetime


class Pass(Struct, frozen=True, kw_only=True):
    """One vehicle passing one camera: which frames showed it, their votes, and what was told of it."""

    read_id: ReadId
    agency_id: AgencyId
    camera_id: CameraId
    first_at: datetime
    """Capture of its earliest frame, aware UTC."""
    last_at: datetime
    box: Box
    """Where it was in its latest frame."""
    first_box: Box | None = None
    """Where it was in its earliest one; None: kept by an older version."""
    votes: Votes
    frames: tuple[str, ...]
    """The ends of their ids, last counted last."""
    version: int = 0
    plate: str = ""
    """What the last version says."""
    confidence: float = 0.0
    told: tuple[PlateRead, ...] = ()
    """Its versions, to be told again when their frames come again."""


@dataclass(frozen=True, slots=True)
class Told:
    """A version that is worth telling, found in one frame."""

    read_id: ReadId
    version: int
    found: int
    """Which of the frame's plates shows it, from 0."""
    candidates: tuple[Candidate, ...]
    frames: int


class Watch:
    """The passes that frames in hand may belong to, as they stand while these are counted."""

    def __init__(self, known: Iterable[Pass], reach: Reach) -> None:
        """Begin with the known passes of these cameras and moments."""
        self._passes = {one.read_id: one for one in known}
        self._reach = reach
        self._changed: dict[ReadId, None] = {}

    def take_changed(self) -> list[Pass]:
        """The passes that are new or were counted to since they were last asked for."""
        changed = [self._passes[read_id] for read_id in self._changed]
        self._changed.clear()
        return changed

    def again(self, frame: Frame) -> list[PlateRead] | None:
        """What was told of a frame that is counted already, and of its passes since then; None: it is new."""
        counted = [one for one in self._of(frame) if _short(frame.id) in one.frames]
        if not counted:
            return None
        return [read for one in counted for read in _since(one, frame.id)]

    def see(self, frame: Frame, plates: Sequence[Plate], name: Callable[[Plate], ReadId]) -> list[Told]:
        """Count the plates of a new frame, each to its pass or to one that it begins under the id `name` gives it."""
        told = []
        for found, (plate, known) in enumerate(zip(plates, self._assign(frame, plates), strict=True)):
            counted = _counted(known, frame, plate) if known else _begun(name(plate), frame, plate)
            standing = votes.standing(counted.votes)
            if _worth_telling(counted, plate, standing):
                best = standing[0]
                counted = replace(counted, version=counted.version + 1, plate=best.plate, confidence=best.confidence)
                told.append(Told(counted.read_id, counted.version, found, standing, counted.votes.frames))
            self._put(counted)
        return told

    def tell(self, read: PlateRead) -> None:
        """Keep with its pass what is told."""
        one = self._passes[read.id]
        self._put(replace(one, told=(*one.told, read)))

    def _put(self, changed: Pass) -> None:
        self._passes[changed.read_id] = changed
        self._changed[changed.read_id] = None

    def _of(self, frame: Frame) -> list[Pass]:
        place = (frame.agency_id, frame.camera_id)
        return [one for one in self._passes.values() if (one.agency_id, one.camera_id) == place]

    def _assign(self, frame: Frame, plates: Sequence[Plate]) -> list[Pass | None]:
        """The pass of each plate: the likest pair first, and no pass has two plates of one frame."""
        at = frame.captured_at
        known = [_known(one, at) for one in self._of(frame) if _reaches(one, at, self._reach)]
        pairs = [
            (likeness, number, seen.one)
            for number, plate in enumerate(plates)
            for seen in known
            if (likeness := _likeness(plate, seen)) is not None
        ]
        pairs.sort(key=lambda pair: (pair[0], pair[2].last_at, pair[2].read_id), reverse=True)
        chosen: dict[int, Pass] = {}
        taken: set[ReadId] = set()
        for _, number, one in pairs:
            if number not in chosen and one.read_id not in taken:
                chosen[number] = one
                taken.add(one.read_id)
        return [chosen.get(number) for number in range(len(plates))]


def _begun(read_id: ReadId, frame: Frame, plate: Plate) -> Pass:
    return Pass(
        read_id=read_id,
        agency_id=frame.agency_id,
        camera_id=frame.camera_id,
        first_at=frame.captured_at,
        last_at=frame.captured_at,
        box=plate.box,
        first_box=plate.box,
        votes=votes.counted(Votes(), plate.candidates, frame.captured_at),
        frames=(_short(frame.id),),
    )


def _counted(one: Pass, frame: Frame, plate: Plate) -> Pass:
    return replace(
        one,
        first_at=min(one.first_at, frame.captured_at),
        last_at=max(one.last_at, frame.captured_at),
        box=plate.box if frame.captured_at >= one.last_at else one.box,
        first_box=plate.box if frame.captured_at < one.first_at else one.first_box,
        votes=votes.counted(one.votes, plate.candidates, frame.captured_at),
        frames=(*one.frames, _short(frame.id))[-_MOST_FRAMES:],
    )


def _worth_telling(one: Pass, plate: Plate, standing: Sequence[Candidate]) -> bool:
    """Whether its first version, another plate than was told, or the same one with half the doubt.

    Only a frame that shows the plate itself may tell it: its picture is the proof.
    """
    best = standing[0]
    if one.version == 0:
        return True
    if plate.candidates[0].plate != best.plate:
        return False
    if best.plate != one.plate:
        return one.version < MOST_VERSIONS
    rise, doubt = best.confidence - one.confidence, 1 - one.confidence
    return one.version < _MOST_SURER and rise >= max(_LEAST_RISE, doubt / 2)


@dataclass(frozen=True, slots=True)
class _Known:
    """A pass, as the plates of one frame are compared with it."""

    one: Pass
    plate: str
    """What stands by its votes."""
    likely: Mapping[str, float]
    away: timedelta
    """From the frame to those that read what stands."""
    box: Box
    """Where it was in its earliest or its latest frame, whichever is nearer in time."""


def _reaches(one: Pass, at: datetime, reach: Reach) -> bool:
    apart = max(one.first_at - at, at - one.last_at, timedelta())
    return apart <= reach.gap and max(one.last_at, at) - min(one.first_at, at) <= reach.longest


def _known(one: Pass, at: datetime) -> _Known:
    best = votes.standing(one.votes)[0]
    name = next(name for name in one.votes.names if name.plate == best.plate)
    away = max((name.since or one.first_at) - at, at - (name.until or one.last_at), timedelta())
    box = one.first_box if one.first_box and abs(at - one.first_at) < abs(at - one.last_at) else one.box
    return _Known(one, best.plate, votes.likely(one.votes, best), away, box)


def _likeness(plate: Plate, known: _Known) -> tuple[bool, float, float] | None:
    """How much the plate is like that of the pass; None when it is another vehicle's.

    The same text is enough, or texts that both hold for likely. Otherwise it must be near where the vehicle was, within
    a second of frames that read its plate, and read almost alike; what is counted so does not prolong that second.
    """
    best = plate.candidates[0].plate
    same, shared, moved = best == known.plate, _shared(plate.candidates, known.likely), _moved(plate.box, known.box)
    if not (same or shared >= _SHARED) and (
        moved > _NEAR or known.away > _AT_ONCE or domain.edits(best, known.plate) > _MOST_EDITS
    ):
        return None
    return same, shared, -moved


def _shared(mine: Sequence[Candidate], theirs: Mapping[str, float]) -> float:
    """How much of their probability both give to the same texts."""
    return sum(min(candidate.confidence, theirs.get(candidate.plate, 0.0)) for candidate in mine)


def _moved(one: Box, other: Box) -> float:
    """By how many widths the centres are apart; without end for boxes of which one is much larger."""
    wider, narrower = max(one.width, other.width), min(one.width, other.width)
    if wider > _GROWN * narrower:
        return float("inf")
    return dist(_centre(one), _centre(other)) / wider


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def _since(one: Pass, frame_id: FrameId) -> list[PlateRead]:
    """What was told of the frame and after it: whoever hears it again must not take the older word for the last."""
    first = next((place for place, read in enumerate(one.told) if read.frame_id == frame_id), len(one.told))
    return list(one.told[first:])


def _short(frame_id: FrameId) -> str:
    """The end of the id, 48 bits of an HMAC: enough to tell the frames of one pass apart."""
    return frame_id[-12:]
