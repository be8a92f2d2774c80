"""Why plates were not read exactly: a first guess by rule, which a person completes in a CSV file.

The guess goes by texts, sizes and boxes alone; whether a plate is blurred, dirty or hidden only an eye can tell.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platekeeper.bench.labels import Corrections
from platekeeper.bench.runs import Run
from platekeeper_recognition import domain, measure
from platekeeper_recognition.measure import FOUND, Outcome
from platekeeper_recognition.plate_formats import REGIONS

FILE = "misses.csv"
LABEL, O_AND_0, NOT_FOUND, NOT_READ = "label wrong", "O and 0, I and 1", "plate not found", "not sure enough to report"
SMALL, LIKE, MORE, FEWER = "small", "characters that look alike", "other characters read along", "characters left out"
UNUSUAL, OTHER = "unusual serial", "other"
_SMALL = 60
"""Pixels: narrower plates in scenes are small."""
_LIKE = tuple(map(frozenset, ("0ODQUC", "1ILTJ", "8B3", "5S", "2Z7", "6G", "4A", "VYW", "MNHW", "EFP", "KX", "PR")))
_COLUMNS = ("engine", "set", "file", "plate", "read", "confidence", "width", "guess", "cause")
_Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Miss:
    """A plate that was not read exactly."""

    engine: str
    set: str
    file: str
    outcome: Outcome
    guess: str
    cause: str = ""
    """What a person saw; empty before anybody looked."""

    @property
    def told(self) -> str:
        """The cause, or the guess while nobody looked."""
        return self.cause or self.guess

    @property
    def key(self) -> _Key:
        """What a person's word about it is found by again: another read is another miss."""
        return self.engine, self.set, self.file, self.outcome.truth.plate, self.outcome.text


def of(run: Run, corrections: Corrections, seen: Mapping[_Key, str]) -> list[Miss]:
    """The run's misses, by cause, the surest reads first. `seen`: causes that a person gave."""
    right = run.corrected(corrections)
    found = []
    for each, other in zip(run.pictures, right.pictures, strict=True):
        shown = dict(zip(map(id, each.scene.outcomes), other.scene.outcomes, strict=True))
        for outcome in measure.misses(each.scene.outcomes):
            guess = LABEL if shown[id(outcome)].exact else guessed(outcome, run.setup.regions, crop=run.setup.crops)
            miss = Miss(run.setup.engine, run.setup.set, each.file, outcome, guess)
            found.append(Miss(*miss.key[:3], outcome, guess, seen.get(miss.key, "")))
    return sorted(found, key=lambda miss: (miss.told, -miss.outcome.confidence))


def guessed(outcome: Outcome, regions: Sequence[str], *, crop: bool) -> str:
    """The first cause that texts, sizes and boxes speak for."""
    read, shows = outcome.text, outcome.truth.plate
    if not read:
        return NOT_READ if crop or outcome.detected >= FOUND else NOT_FOUND
    shapes = frozenset[str]().union(*(REGIONS[name].shapes for name in regions))
    rules = (
        (outcome.folded, O_AND_0),
        (not crop and outcome.truth.box.width < _SMALL, SMALL),
        (_look_alike(read, shows), LIKE),
        (_lies_in(shows, read), MORE),
        (_lies_in(read, shows), FEWER),
        (bool(shapes) and domain.shape(shows) not in shapes, UNUSUAL),
    )
    return next((cause for holds, cause in rules if holds), OTHER)


def seen(path: Path) -> dict[_Key, str]:
    """The causes that a person wrote into the file; none when there is no file. Raises ValueError for another file."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
            raise ValueError(f"{path}, row 1: no column {', '.join(missing)}")
        return {_key(row): row["cause"].strip() for row in rows if (row["cause"] or "").strip()}


def write(path: Path, misses: Sequence[Miss]) -> None:
    """The file for a person to complete: column `cause`, where `guess` is wrong or says too little."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(_COLUMNS)
        out.writerows(_row(miss) for miss in misses)


def counted(misses: Sequence[Miss]) -> Iterator[tuple[str, int]]:
    """How many misses each cause has, the most frequent first."""
    causes = [miss.told for miss in misses]
    yield from sorted(((cause, causes.count(cause)) for cause in set(causes)), key=lambda each: (-each[1], each[0]))


def _row(miss: Miss) -> tuple[str | int, ...]:
    sure = f"{miss.outcome.confidence:.4f}" if miss.outcome.read else ""
    return *miss.key, sure, miss.outcome.truth.box.width, miss.guess, miss.cause


def _key(row: Mapping[str, str]) -> _Key:
    return row["engine"], row["set"], row["file"], row["plate"], row["read"]


def _look_alike(one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    return all(a == b or any({a, b} <= group for group in _LIKE) for a, b in zip(one, other, strict=True))


def _lies_in(part: str, whole: str) -> bool:
    """Whether `part` is `whole` with some characters left out."""
    rest = iter(whole)
    return all(character in rest for character in part)
