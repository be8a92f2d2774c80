"""Which boxes in a frame are plates, for engines that find plates."""

from collections.abc import Iterable
from dataclasses import dataclass

from platekeeper_common.events.recognition import Box
from platekeeper_recognition import domain
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines.protocol import Said

BY_FORMATS = True
"""Whether the expected formats weigh what a reader of plates says, as they do for a reader of lines."""
_SHORTEST, _LONGEST = 2, 10


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in a box that may be a plate."""

    box: Box
    said: Said


def find_plates(reads: Iterable[Read], expect: Expectation) -> list[Plate]:
    """The plates of a frame, from the left."""
    return domain.from_the_left(domain.sure((_plate(read, expect) for read in reads), expect))


def plate_in_box(read: Read, expect: Expectation) -> Plate | None:
    """The plate in a box that is known to show one; None when it cannot be read surely enough."""
    return next(iter(find_plates([read], expect)), None)


def _plate(read: Read, expect: Expectation) -> Plate:
    """Any letters and digits are a serial: the detector, not the text, says that it is a plate."""
    seen = {
        reading.text: reading.confidence for reading in read.said.readings if _SHORTEST <= len(reading.text) <= _LONGEST
    }
    candidates = domain.weighed(seen, expect.formats if BY_FORMATS else ())
    return Plate(0, read.box, candidates, domain.region(read.said.regions))
