"""`platekeeper bench recognition`: scores an engine on a folder of labelled pictures."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from tqdm import tqdm

from platekeeper.bench import labels, report, sheet
from platekeeper.bench.labels import Labelled, LabelsError
from platekeeper.bench.report import Measured, Setup
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

    data: Path
    engine: str | None = None
    """None: the one that recognition's settings name."""
    regions: str | None = None
    """Names with commas between them, or `none`; None: what the folder's name says."""
    json: Path | None = None
    misses: Path | None = None


def run(asked: Asked) -> int:
    """Measure and print the table; the exit status."""
    try:
        settings = environment.load(RecognitionSettings)
        named = expected_regions(asked)
        for path in (asked.json, asked.misses):
            _demand_writable(path)
        pictures_shown = labels.read(asked.data)
        engine = _engine(asked.engine or settings.engine, settings)
        setup = Setup(asked.data, engine.model, named, engine.longest_side, settings.least_confidence)
        expect = Expectation(tuple(REGIONS[name] for name in named), settings.least_confidence)
        look = _look(engine, expect, settings.max_pixels)
        with tqdm(pictures_shown, desc=asked.data.name) as bar:
            measured = [look(labelled) for labelled in bar]
        sys.stdout.write(report.table(setup, measured))
        _keep(asked, setup, measured)
    except (BenchError, EngineUnavailable, LabelsError, SettingsError, OSError) as error:
        print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def expected_regions(asked: Asked) -> tuple[str, ...]:
    """The regions whose plate formats are expected; none: every shape alike. Raises BenchError.

    Without `--regions`, what stands behind the last dash of the folder's name, when that is a region (`scenes-us`).
    """
    if asked.regions is None:
        told = asked.data.resolve().name.rpartition("-")[2].lower()
        return (told,) if told in REGIONS else ()
    names = tuple(name.strip() for name in asked.regions.split(",")) if asked.regions != "none" else ()
    for name in names:
        if name not in REGIONS:
            raise BenchError(f"--regions: {name!r} is none of {', '.join(REGIONS)}; `none` expects every shape alike")
    return names


def _engine(name: str, settings: RecognitionSettings) -> Engine:
    if name not in catalogue.NAMES:
        raise BenchError(f"--engine: {name!r} is none of {', '.join(catalogue.NAMES)}")
    cv2.setNumThreads(1)
    return settings.opener(name, threads=1)()


def _look(engine: Engine, expect: Expectation, max_pixels: int) -> Callable[[Labelled], Measured]:
    """Reads one picture; the time is that of reading alone, without decoding."""

    def look(labelled: Labelled) -> Measured:
        picture, truths = _picture(labelled, max_pixels)
        started, worked = time.perf_counter(), time.process_time()
        reads = _read(engine, labelled, picture, expect)
        wall, cpu = time.perf_counter() - started, time.process_time() - worked
        return Measured(labelled, measure.scene(truths, reads), wall_ms=wall * 1000, cpu_ms=cpu * 1000)

    return look


def _read(engine: Engine, labelled: Labelled, picture: Picture, expect: Expectation) -> Sequence[Plate]:
    """A scene is searched; a crop is known to show one plate, whose place is the whole picture."""
    if labelled.crop is None:
        return reading.read_frames(engine, [picture], expect)[0]
    plates = reading.read_boxes(engine, [picture], [_whole(picture)], expect)
    return [plate for plate in plates if plate is not None]


def _picture(labelled: Labelled, max_pixels: int) -> tuple[Picture, tuple[Truth, ...]]:
    at = f"{labelled.path.parent / labels.FILE}, row {labelled.row}: {labelled.path.name}"
    try:
        picture = pictures.decode(labelled.path.read_bytes(), max_pixels=max_pixels)
    except pictures.Undecodable as error:
        raise LabelsError(f"{at}: {error}") from error
    if labelled.crop is not None:
        return picture, (Truth(labelled.crop, _whole(picture)),)
    for truth in labelled.truths:
        if measure.intersection_over_union(truth.box, _whole(picture)) == 0:
            raise LabelsError(f"{at}: the box of {truth.plate or 'a plate'} lies outside the picture")
    return picture, labelled.truths


def _whole(picture: Picture) -> Box:
    height, width = picture.shape[:2]
    return Box(0, 0, width, height)


def _demand_writable(path: Path | None) -> None:
    """Raise BenchError before minutes of work, not after them."""
    if path is not None and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        raise BenchError(f"{path} cannot be written")


def _keep(asked: Asked, setup: Setup, measured: Sequence[Measured]) -> None:
    if asked.json is not None:
        asked.json.write_bytes(report.as_json(setup, measured))
    if asked.misses is not None:
        sheet.draw(list(_misses(measured)), f"{asked.data.name}, {setup.model.name}").save(asked.misses, format="PNG")


def _misses(measured: Sequence[Measured]) -> Iterator[sheet.Miss]:
    """The plates that were not read exactly: wrong ones first, then those where only O and 0, I and 1 differ."""
    missed = [
        sheet.Miss(each.labelled.path, outcome)
        for each in measured
        for outcome in each.scene.outcomes
        if outcome.truth.plate and not outcome.exact
    ]
    yield from sorted(missed, key=lambda miss: miss.outcome.folded)
