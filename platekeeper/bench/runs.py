"""What one engine made of one set of pictures, kept as a file: reports can be made again without reading again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import msgspec

from platekeeper.bench.labels import Corrections
from platekeeper_common.events.recognition import Model
from platekeeper_recognition import measure
from platekeeper_recognition.domain import Plate
from platekeeper_recognition.measure import Outcome, Scene, Score

_FOLDER = "runs"
_COUNTRIES = ("us", "br", "ar")


@dataclass(frozen=True, slots=True)
class Setup:
    """What was measured, and how."""

    set: str
    """The name of the folder of pictures."""
    folder: str
    crops: bool
    """Whether each picture is one plate's crop."""
    engine: str
    model: Model
    regions: tuple[str, ...]
    """Whose formats were expected; none: every shape alike."""
    longest_side: int
    least_confidence: float

    @property
    def country(self) -> str:
        """Whose plates the set shows, when its name ends with a country (`scenes-us`); otherwise empty."""
        told = self.set.rpartition("-")[2].lower()
        return told if told in _COUNTRIES else ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One picture's outcome, and the milliseconds that it took on one thread."""

    file: str
    scene: Scene
    luminance: float
    """Mean of the picture's grey values, 0..255."""
    decode_ms: float
    """Of the processor, before reading."""
    wall_ms: float
    """Of reading, without decoding; so is `cpu_ms`."""
    cpu_ms: float
    finding_ms: float = 0.0
    """Of `cpu_ms`, the detector's."""
    in_boxes: tuple[Plate | None, ...] = ()
    """What is read in the true box of each plate of a scene, whether or not the detector finds it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One engine over one set."""

    setup: Setup
    pictures: tuple[Measured, ...]

    @property
    def score(self) -> Score:
        """All pictures taken together."""
        return measure.total([each.scene for each in self.pictures])

    @property
    def outcomes(self) -> list[Outcome]:
        """Of every plate."""
        return [outcome for each in self.pictures for outcome in each.scene.outcomes]

    @property
    def cpu_ms(self) -> float:
        """Median over the pictures."""
        return median(each.cpu_ms for each in self.pictures)

    @property
    def mean_ms(self) -> float:
        """Mean over the pictures, of the same."""
        return fmean(each.cpu_ms for each in self.pictures)

    @property
    def finding_ms(self) -> float:
        """Median over the pictures."""
        return median(each.finding_ms for each in self.pictures)

    @property
    def in_boxes(self) -> Score:
        """How the reader alone does, when every plate is found."""
        return measure.total(
            [
                Scene(
                    tuple(
                        replace(outcome, read=read)
                        for outcome, read in zip(each.scene.outcomes, each.in_boxes, strict=True)
                    ),
                    false_reads=(),
                )
                for each in self.pictures
                if each.in_boxes
            ]
        )

    @property
    def decode_ms(self) -> float:
        """Median over the pictures."""
        return median(each.decode_ms for each in self.pictures)

    def corrected(self, by: Corrections) -> "Run":
        """The same reads, judged by what the plates show where their labels are wrong."""
        return replace(
            self,
            pictures=tuple(
                replace(each, scene=by.applied(self.setup.set, each.file, each.scene)) for each in self.pictures
            ),
        )


def keep(out: Path, run: Run) -> None:
    """Write the run into the folder `out`, over an older one of the same engine and set."""
    folder = out / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{run.setup.engine}-{run.setup.set}.json"
    (folder / name).write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def kept(out: Path) -> list[Run]:
    """The runs in the folder `out`. Raises ValueError, naming the file, for one that is none."""
    return list(_kept(out))


def in_order(runs: Sequence[Run], engines: Sequence[str]) -> list[Run]:
    """Scenes before crops, set by set, the engines as in `engines` and then any others."""
    places = {name: place for place, name in enumerate(engines)}
    return sorted(runs, key=lambda run: (run.setup.crops, run.setup.set, places.get(run.setup.engine, len(places))))


def _kept(out: Path) -> Iterator[Run]:
    for path in sorted((out / _FOLDER).glob("*.json")):
        try:
            yield msgspec.json.decode(path.read_bytes(), type=Run)
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path}: {error}") from error
