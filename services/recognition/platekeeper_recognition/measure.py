"""Scores of what was read against what pictures are known to show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from platekeeper_common.events.recognition import Box
from platekeeper_recognition import domain
from platekeeper_recognition.domain import Plate

FOUND = 0.5
"""Intersection over union from which a read's box has found the plate."""
_LOOK_ALIKES = str.maketrans("OI", "01")


@dataclass(frozen=True, slots=True)
class Truth:
    """A plate that a picture shows."""

    plate: str
    """A-Z and 0-9; empty when nobody could read it."""
    box: Box
    region: str = ""
    """Country, or country and state (`us-ca`); empty when nobody said."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made of one plate that a picture shows."""

    truth: Truth
    read: Plate | None
    """The most confident read whose box centre lies in the true box; None when there is none."""
    overlap: float
    """Intersection over union of the true box and the read box that fits it best, 0..1."""
    detected: float = 0.0
    """The same of the box that the detector found, whether or not anything was read in it."""

    @property
    def confidence(self) -> float:
        """How sure the read was, 0..1; 0 when there is none."""
        return self.read.candidates[0].confidence if self.read else 0.0

    @property
    def text(self) -> str:
        """What was read; empty when nothing was."""
        return self.read.candidates[0].plate if self.read else ""

    @property
    def exact(self) -> bool:
        """Whether every character is right."""
        return self.text == self.truth.plate

    @property
    def folded(self) -> bool:
        """Whether every character is right when O counts as 0 and I as 1."""
        return fold(self.text) == fold(self.truth.plate)

    @property
    def wrong_characters(self) -> int:
        """How many characters must be changed, added or dropped to make the read the truth."""
        return domain.edits(self.text, self.truth.plate)


@dataclass(frozen=True, slots=True)
class Scene:
    """What was made of one picture."""

    outcomes: tuple[Outcome, ...]
    """One for each plate that it shows, in the order given."""
    false_reads: tuple[Plate, ...]
    """Reads that are no labelled plate's."""


@dataclass(frozen=True, slots=True)
class Score:
    """Scenes taken together. Plates that nobody could read count for `found` alone."""

    scenes: int
    boxes: int
    plates: int
    """Plates whose text is known: those of which `exact`, `folded` and `missed` are numbers."""
    exact: int
    folded: int
    missed: int
    """Plates in whose box nothing was read."""
    found: int
    """Boxes that a read's box overlaps by FOUND or more."""
    detected: int
    """Boxes that a box of the detector overlaps by FOUND or more."""
    characters: int
    wrong_characters: int
    false_reads: int


def scene(truths: Sequence[Truth], reads: Sequence[Plate], detections: Sequence[Box] = ()) -> Scene:
    """Give each true plate the most confident read whose box centre lies in its box; no read serves two plates.

    `detections`: the boxes that the detector found in the picture.
    """
    left = sorted(reads, key=lambda read: -read.candidates[0].confidence)
    outcomes = []
    for truth in truths:
        taken = next((read for read in left if _centre_lies_in(read.box, truth.box)), None)
        if taken is not None:
            left.remove(taken)
        overlap = _best_overlap(truth.box, [read.box for read in reads])
        outcomes.append(Outcome(truth, taken, overlap, _best_overlap(truth.box, detections)))
    return Scene(tuple(outcomes), tuple(left))


def total(scenes: Sequence[Scene]) -> Score:
    """The scenes' numbers added up."""
    outcomes = [outcome for each in scenes for outcome in each.outcomes]
    known = [outcome for outcome in outcomes if outcome.truth.plate]
    return Score(
        scenes=len(scenes),
        boxes=len(outcomes),
        plates=len(known),
        exact=sum(outcome.exact for outcome in known),
        folded=sum(outcome.folded for outcome in known),
        missed=sum(outcome.read is None for outcome in known),
        found=sum(outcome.overlap >= FOUND for outcome in outcomes),
        detected=sum(outcome.detected >= FOUND for outcome in outcomes),
        characters=sum(len(outcome.truth.plate) for outcome in known),
        wrong_characters=sum(outcome.wrong_characters for outcome in known),
        false_reads=sum(len(each.false_reads) for each in scenes),
    )


def split(outcomes: Sequence[Outcome], by: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    """The outcomes by what `by` says of each, in the order of the names; where it says nothing, left out."""
    parts: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if name := by(outcome):
            parts.setdefault(name, []).append(outcome)
    return dict(sorted(parts.items()))


def misses(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Plates of known text not read exactly: the surest first, because they mislead most; unread ones last.

    Where only O and 0 or I and 1 differ comes after what is wrong however one looks at it.
    """
    missed = [outcome for outcome in outcomes if outcome.truth.plate and not outcome.exact]
    return sorted(missed, key=lambda outcome: (outcome.folded, -outcome.confidence))


def fold(plate: str) -> str:
    """The plate with O as 0 and I as 1, which many series and labels do not tell apart."""
    return plate.translate(_LOOK_ALIKES)


def intersection_over_union(one: Box, other: Box) -> float:
    """The area that two boxes share by the area that they cover together, 0..1."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0) * max(down, 0)
    covered = one.width * one.height + other.width * other.height - shared
    return shared / covered if covered else 0.0


def _best_overlap(truth: Box, boxes: Sequence[Box]) -> float:
    return max((intersection_over_union(box, truth) for box in boxes), default=0.0)


def _centre_lies_in(read: Box, truth: Box) -> bool:
    x, y = read.x + read.width / 2, read.y + read.height / 2
    return truth.x <= x <= truth.x + truth.width and truth.y <= y <= truth.y + truth.height
