"""`platekeeper bench recognition`: scores engines on folders of labelled pictures."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from tqdm import tqdm

from platekeeper.bench import labels, results, runs
from platekeeper.bench.labels import Labelled, LabelsError
from platekeeper.bench.results import Wanted
from platekeeper.bench.runs import Measured, Run, Setup
from platekeeper.bench.watching import watched
from platekeeper_common import settings as environment
from platekeeper_common.events.recognition import Box
from platekeeper_common.settings import SettingsError
from platekeeper_recognition import measure, pictures, reading
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import Engine, EngineUnavailable, Picture
from platekeeper_recognition.measure import Truth
from platekeeper_recognition.plate_formats import REGIONS
from platekeeper_recognition.room import RecognitionSettings


class BenchError(ValueError):
    """What the user asked for cannot be done, in one line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    data: Path | None = None
    """A folder of labelled pictures, or of such folders; None: what `wanted.out` keeps is told anew."""
    engines: str | None = None
    """Names with commas between them; None: the one that recognition's settings name."""
    regions: str | None = None
    """Names with commas between them, or `none`; None: what each folder's name says."""
    wanted: Wanted = field(default_factory=Wanted)


def run(asked: Asked) -> int:
    """Measure, write and print the tables; the exit status."""
    try:
        settings = environment.load(RecognitionSettings)
        names = tuple(name.strip() for name in (asked.engines or settings.engine).split(","))
        _demand_possible(asked, names)
        corrections = labels.corrections(asked.wanted.corrections)
        found = _kept(_measured(asked, names, settings), asked.wanted.out)
        order = [settings.engine, *catalogue.NAMES]
        sys.stdout.write(results.write(runs.in_order(found, order), corrections, asked.wanted))
    except (EngineUnavailable, ValueError, SettingsError, OSError) as error:
        print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def expected_regions(regions: str | None, folder: Path) -> tuple[str, ...]:
    """The regions whose plate formats are expected; none: every shape alike. Raises BenchError.

    Without `regions`, what stands behind the last dash of the folder's name, when that is a region (`scenes-us`).
    """
    if regions is None:
        told = folder.resolve().name.rpartition("-")[2].lower()
        return (told,) if told in REGIONS else ()
    names = tuple(name.strip() for name in regions.split(",")) if regions != "none" else ()
    for name in names:
        if name not in REGIONS:
            raise BenchError(f"--regions: {name!r} is none of {', '.join(REGIONS)}; `none` expects every shape alike")
    return names


def _kept(measured: Iterator[Run], out: Path | None) -> list[Run]:
    """What is measured now and, with a folder, what that keeps of earlier times. Raises BenchError when empty."""
    if out is None:
        return list(measured)
    for each in measured:
        runs.keep(out, each)
    if found := runs.kept(out):
        return found
    raise BenchError(f"nothing was measured in {out} yet")


def _measured(asked: Asked, engines: Sequence[str], settings: RecognitionSettings) -> Iterator[Run]:
    """Each set by each engine, one at a time."""
    if asked.data is None:
        return
    sets = [(folder, labels.read(folder)) for folder in labels.sets(asked.data)]
    for name in engines:
        engine = _engine(name, settings)
        for folder, shown in sets:
            yield _run(engine, name, folder, shown, asked, settings)


def _run(
    engine: Engine, name: str, folder: Path, shown: Sequence[Labelled], asked: Asked, settings: RecognitionSettings
) -> Run:
    named = expected_regions(asked.regions, folder)
    setup = Setup(
        set=folder.resolve().name,
        folder=str(folder.resolve()),
        crops=all(each.crop is not None for each in shown),
        engine=name,
        model=engine.model,
        regions=named,
        longest_side=engine.longest_side,
        least_confidence=settings.least_confidence,
    )
    expect = Expectation(tuple(REGIONS[region] for region in named), settings.least_confidence)
    look = _look(engine, expect, settings.max_pixels)
    with tqdm(shown, desc=f"{setup.set}, {name}") as bar:
        return Run(setup, tuple(look(labelled) for labelled in bar))


def _engine(name: str, settings: RecognitionSettings) -> Engine:
    cv2.setNumThreads(1)
    return settings.opener(name, threads=1)()


def _look(engine: Engine, expect: Expectation, max_pixels: int) -> Callable[[Labelled], Measured]:
    """Reads one picture; the time of decoding is apart from that of reading."""
    engine, detector = watched(engine)

    def look(labelled: Labelled) -> Measured:
        began = time.process_time()
        picture, truths = _picture(labelled, max_pixels)
        started, worked = time.perf_counter(), time.process_time()
        reads = _read(engine, labelled, picture, expect)
        wall, cpu = time.perf_counter() - started, time.process_time() - worked
        finding = detector.seconds
        scene = measure.scene(truths, reads, [] if labelled.crop else detector.boxes(picture))
        return Measured(
            labelled.path.name,
            scene,
            finding_ms=finding * 1000,
            in_boxes=_in_boxes(engine, picture, truths, expect) if labelled.crop is None else (),
            luminance=round(float(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).mean()), 1),
            decode_ms=(worked - began) * 1000,
            wall_ms=wall * 1000,
            cpu_ms=cpu * 1000,
        )

    return look


def _read(engine: Engine, labelled: Labelled, picture: Picture, expect: Expectation) -> Sequence[Plate]:
    """A scene is searched; a crop is known to show one plate, whose place is the whole picture."""
    if labelled.crop is None:
        return reading.read_frames(engine, [picture], expect)[0]
    plates = reading.read_boxes(engine, [picture], [_whole(picture)], expect)
    return [plate for plate in plates if plate is not None]


def _in_boxes(
    engine: Engine, picture: Picture, truths: Sequence[Truth], expect: Expectation
) -> tuple[Plate | None, ...]:
    boxes = [truth.box for truth in truths]
    return tuple(reading.read_boxes(engine, [picture] * len(boxes), boxes, expect))


def _picture(labelled: Labelled, max_pixels: int) -> tuple[Picture, tuple[Truth, ...]]:
    at = f"{labelled.path.parent / labels.FILE}, row {labelled.row}: {labelled.path.name}"
    try:
        picture = pictures.decode(labelled.path.read_bytes(), max_pixels=max_pixels)
    except pictures.Undecodable as error:
        raise LabelsError(f"{at}: {error}") from error
    if labelled.crop is not None:
        return picture, (Truth(labelled.crop, _whole(picture), labelled.region),)
    for truth in labelled.truths:
        if measure.intersection_over_union(truth.box, _whole(picture)) == 0:
            raise LabelsError(f"{at}: the box of {truth.plate or 'a plate'} lies outside the picture")
    return picture, labelled.truths


def _whole(picture: Picture) -> Box:
    height, width = picture.shape[:2]
    return Box(0, 0, width, height)


def _demand_possible(asked: Asked, engines: Sequence[str]) -> None:
    """Raise BenchError before minutes of work, not after them."""
    for name in engines:
        if name not in catalogue.NAMES:
            raise BenchError(f"--engine: {name!r} is none of {', '.join(catalogue.NAMES)}")
    if asked.data is None and asked.wanted.out is None:
        raise BenchError("neither --data nor --out: there is nothing to read and nothing to tell")
    for path in asked.wanted.files:
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BenchError(f"{path} cannot be written")
    for path in asked.wanted.pages:
        if not path.exists():
            raise BenchError(f"--page: there is no {path}")
