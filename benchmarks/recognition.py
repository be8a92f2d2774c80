"""Frames a second that recognition reads: frame by frame, in batches, and in two processes; beside the ppocr engine.

`python benchmarks/recognition.py` reads the demonstration's drawn frames over and over, `--pictures FOLDER` labelled
photographs of one's own (a `labels.csv` beside them, as `platekeeper bench recognition` has it). Each engine reads the
same frames over and over in the same run, for some seconds each: one by one and in batches on one thread, then in
batches by two processes that begin together. Frames a second of a core are frames by processor time, which other work
disturbs less than the clock; how it scales is told by both. The ratios move less than the rates between machines.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any

import cv2

from platekeeper.bench import labels, pages, recognition
from platekeeper.demo import street
from platekeeper_common import log
from platekeeper_recognition import measure, pictures, reading
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import Engine, Picture
from platekeeper_recognition.plate_formats import REGIONS
from platekeeper_recognition.room import RecognitionSettings

YARDSTICK = "ppocr"
WORKERS = 2
START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture to read, and what it shows."""

    file: Path
    plates: tuple[str, ...]
    """Of known text."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Reading the frames over and over."""

    batch: int
    """How many are read together."""
    seconds: float
    whole: bool
    """Whether it goes on until every frame was read once."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process reads, and how."""

    engine: str
    frames: tuple[Frame, ...]
    regions: tuple[str, ...]
    passes: tuple[Pass, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What one process made of its share in one pass."""

    frames: int
    """Read, some of them several times."""
    plates: int
    """Of known text, in the frames that were read at least once."""
    exact: int
    folded: int
    began: float
    """By the machine's clock that all processes share."""
    ended: float
    worked: float
    """Seconds of the processor."""


def main() -> int:
    """Measure and print; the exit status."""
    own = RecognitionSettings().engine
    parser = argparse.ArgumentParser(description="Frames a second that recognition reads")
    parser.add_argument("--engine", default=own, choices=catalogue.NAMES, help="which to hold against the yardstick")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="labelled scenes instead of the demonstration's"
    )
    parser.add_argument("--seconds", type=_positive, default=10, help="how long frames are read in each measurement")
    parser.add_argument("--batch", type=int, default=8, choices=range(1, 65), metavar="1..64", help="read together")
    parser.add_argument(
        "--page", type=Path, action="append", default=[], metavar="FILE", help="write it into this page"
    )
    options = parser.parse_args()
    log.configure()
    try:
        frames, regions = _frames(options.pictures)
    except (labels.LabelsError, OSError) as error:
        print(f"recognition: {error}", file=sys.stderr)
        return 1
    engines = list(dict.fromkeys([options.engine, YARDSTICK]))
    print(title := _title(frames, options.pictures, regions, options.batch))
    told = {name: _measured(name, frames, regions, options.batch, options.seconds) for name in engines}
    print(report := _report(told, options.batch))
    for page in options.page:
        pages.fill(page, {"throughput": f"```text\n{title}\n{report}\n```"})
    return 0


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 600 seconds")
    return number


def _frames(folder: Path | None) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    """The frames, and whose plates to expect."""
    if folder is None:
        return tuple(Frame(street.FRAMES / sample.file, (sample.plate,)) for sample in street.samples()), ("us",)
    found = tuple(
        Frame(each.path, tuple(truth.plate for truth in each.truths if truth.plate))
        for each in labels.read(folder)
        if each.crop is None
    )
    if not found:
        raise labels.LabelsError(f"{folder}: crops only; frames are scenes with boxes")
    return found, recognition.expected_regions(None, folder)


def _measured(
    engine: str, frames: tuple[Frame, ...], regions: tuple[str, ...], batch: int, seconds: float
) -> list[list[Work]]:
    """Frame by frame, in batches, and in batches by two processes."""
    passes = (Pass(1, seconds, whole=False), Pass(batch, seconds, whole=True))
    ((single, batched),) = _together([Share(engine, frames, regions, passes)])
    both = _together([Share(engine, frames, regions, (Pass(batch, seconds, whole=False),))] * WORKERS)
    return [[single], [batched], [work for (work,) in both]]


def _together(shares: Sequence[Share]) -> list[list[Work]]:
    """Each share in a process of its own; all begin when every engine is loaded and warm."""
    spawned = multiprocessing.get_context("spawn")
    start = spawned.Barrier(len(shares))
    with ProcessPoolExecutor(len(shares), mp_context=spawned, initializer=_wait_for, initargs=(start,)) as pool:
        return list(pool.map(_read, shares))


_START: list[Any] = []
"""The barrier of this process's run: it cannot be sent with the share."""


def _wait_for(start: Any) -> None:
    _START[:] = [start]


def _read(share: Share) -> list[Work]:
    cv2.setNumThreads(1)
    settings = RecognitionSettings()
    engine = settings.opener(share.engine, threads=1)()
    expect = Expectation(tuple(REGIONS[name] for name in share.regions), settings.least_confidence)
    decoded = {
        frame.file: pictures.decode(frame.file.read_bytes(), max_pixels=settings.max_pixels) for frame in share.frames
    }
    shown = [decoded[frame.file] for frame in share.frames]
    reading.read_frames(engine, shown[: max(each.batch for each in share.passes)], expect)
    try:
        _START[0].wait(START_SECONDS)
    except BrokenBarrierError as error:
        raise RuntimeError("another process did not begin") from error
    return [_passed(share, engine, shown, expect, each) for each in share.passes]


def _passed(share: Share, engine: Engine, shown: Sequence[Picture], expect: Expectation, how: Pass) -> Work:
    pictures_again = cycle(shown)
    reads: list[list[Plate]] = []
    began, worked = time.monotonic(), time.process_time()
    while time.monotonic() - began < how.seconds or (how.whole and len(reads) < len(shown)):
        reads += reading.read_frames(engine, list(islice(pictures_again, how.batch)), expect)
    ended, worked = time.monotonic(), time.process_time() - worked
    once = share.frames[: len(reads)]
    exact, folded = (_right(once, reads[: len(once)], as_told) for as_told in (str, measure.fold))
    plates = sum(len(frame.plates) for frame in once)
    return Work(len(reads), plates, exact, folded, began, ended, worked)


def _right(frames: Sequence[Frame], reads: Sequence[Sequence[Plate]], as_told: Callable[[str], str]) -> int:
    """How many plates are among what was read in their frames."""
    right = 0
    for frame, plates in zip(frames, reads, strict=True):
        texts = {as_told(plate.candidates[0].plate) for plate in plates}
        right += sum(as_told(plate) in texts for plate in frame.plates)
    return right


def _of_a_core(works: Sequence[Work]) -> float:
    return sum(work.frames for work in works) / sum(work.worked for work in works)


def _by_the_clock(works: Sequence[Work]) -> float:
    seconds = max(work.ended for work in works) - min(work.began for work in works)
    return sum(work.frames for work in works) / seconds


def _title(frames: Sequence[Frame], folder: Path | None, regions: Sequence[str], batch: int) -> str:
    of = "the demonstration's drawn street" if folder is None else folder.resolve().name
    formats = ", ".join(regions) or "none"
    return (
        f"{of}, {len(frames)} frames over and over, expected formats {formats}, batches of {batch}, a thread a process"
    )


def _report(told: dict[str, list[list[Work]]], batch: int) -> str:
    rows = []
    for name, (single, batched, both) in told.items():
        (work,), scaled = batched, _by_the_clock(both) / _by_the_clock(batched)
        shares = f"{_percent(work.exact, work.plates)} exact, {_percent(work.folded, work.plates)} with O as 0, I as 1"
        rows += [
            (f"{name}, one by one", f"{_of_a_core(single):9.2f} frames/s of a core"),
            (f"{name}, batches of {batch}", f"{_of_a_core(batched):9.2f} frames/s of a core"),
            (f"{name}, one process", f"{_by_the_clock(batched):9.2f} frames/s by the clock"),
            (f"{name}, {WORKERS} processes", f"{_by_the_clock(both):9.2f} frames/s by the clock"),
            (f"{name}, each of {WORKERS}", f"{_of_a_core(both):9.2f} frames/s of a core"),
            (f"{name}, scaling by the clock", f"{scaled:9.2f}"),
            (f"{name}, scaling of a core", f"{WORKERS * _of_a_core(both) / _of_a_core(batched):9.2f}"),
            (f"{name}, plates read", f"{work.exact:9} of {work.plates}: {shares}"),
        ]
    rows += [
        (f"ratio {name} to {YARDSTICK}", f"{_of_a_core(batched) / _of_a_core(told[YARDSTICK][1]):9.2f}")
        for name, (_, batched, _) in told.items()
        if name != YARDSTICK
    ]
    return "\n".join(f"  {name:<30}{value}" for name, value in rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none labelled"


if __name__ == "__main__":
    sys.exit(main())
