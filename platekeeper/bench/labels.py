"""Folders of labelled pictures: a `labels.csv` beside the pictures says what each shows; another may correct it."""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from platekeeper_common.events.recognition import Box
from platekeeper_recognition.measure import Scene, Truth

FILE = "labels.csv"
_BOX = ("x", "y", "w", "h")
_CORRECTION = ("set", "file", "plate", "shows")
_PLATE = re.compile("[A-Z0-9]*")
_LARGEST = 1_000_000


class LabelsError(ValueError):
    """The folder cannot be measured on; says the file and the row."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture, and what it shows."""

    path: Path
    row: int
    """Of labels.csv, the first that names the picture."""
    crop: str | None
    """The plate that the whole picture shows; None for a scene, whose plates have boxes."""
    truths: tuple[Truth, ...]
    """The plates of a scene; a scene without any is measured for false reads."""
    region: str = ""
    """Of a crop's plate (`us-ca`); empty when nobody said."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What plates show whose labels are wrong."""

    shown: Mapping[tuple[str, str, str], str]
    """By set, file and label."""

    def applied(self, of_set: str, file: str, scene: Scene) -> Scene:
        """The scene of that file, judged by what its plates show."""
        return replace(
            scene,
            outcomes=tuple(
                replace(outcome, truth=replace(outcome.truth, plate=self._plate(of_set, file, outcome.truth.plate)))
                for outcome in scene.outcomes
            ),
        )

    def _plate(self, of_set: str, file: str, label: str) -> str:
        return self.shown.get((of_set, file, label), label)


def corrections(path: Path | None) -> Corrections:
    """Out of a CSV file with the columns `set`, `file`, `plate` (the label) and `shows`. Raises LabelsError."""
    if path is None:
        return Corrections({})
    with _opened(path) as file:
        rows = csv.DictReader(file, strict=True)
        if missing := [name for name in _CORRECTION if name not in (rows.fieldnames or ())]:
            raise LabelsError(f"{path}, row 1: no column {', '.join(missing)}")
        shown = {}
        for row in rows:
            of_set, name, label, shows = ((row[column] or "").strip() for column in _CORRECTION)
            if not shows or not _PLATE.fullmatch(shows):
                raise LabelsError(f"{path}, row {rows.line_num}: shows {shows!r} is not of A-Z and 0-9 alone")
            shown[of_set, name, label] = shows
    return Corrections(shown)


def sets(folder: Path) -> list[Path]:
    """The folder itself when labels lie in it, otherwise the folders in it that have labels. Raises LabelsError."""
    if (folder / FILE).exists():
        return [folder]
    found = sorted(each.parent for each in folder.glob(f"*/{FILE}"))
    if not found:
        raise LabelsError(f"{folder}: no {FILE}, and no folder in it has one")
    return found


def read(folder: Path) -> list[Labelled]:
    """The pictures of the folder in the order of its labels.csv.

    Columns: `file`, `plate` (A-Z and 0-9), and for scenes `x`, `y`, `w`, `h` in pixels from the top left; one row a
    plate. In a scene `plate` may be empty for a plate that nobody could read, and plate and box for a picture without
    plates. `region` (`us-ca`, `br`) or, for the United States, `state` (`CA`) may say whose plate it is. Other columns
    are ignored. Raises LabelsError.
    """
    path = folder / FILE
    with _opened(path) as file:
        return _labelled(path, csv.DictReader(file, strict=True))


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield file
    except OSError as error:
        raise LabelsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LabelsError(f"{path}: not UTF-8") from error


def _labelled(path: Path, rows: "csv.DictReader[str]") -> list[Labelled]:
    found: dict[Path, Labelled] = {}
    try:
        boxed = _has_boxes(path, rows.fieldnames or ())
        for row in rows:
            at = f"{path}, row {rows.line_num}"
            new = _row(at, path.parent, rows.line_num, row, boxed=boxed)
            known = found.get(new.path)
            if known is not None and not (known.truths and new.truths):
                raise LabelsError(f"{at}: {row['file']} is in row {known.row} already")
            merged = Labelled(new.path, known.row, None, known.truths + new.truths) if known else new
            found[new.path] = merged
    except csv.Error as error:
        raise LabelsError(f"{path}, row {rows.line_num}: {error}") from error
    if not found:
        raise LabelsError(f"{path}: no rows")
    return list(found.values())


def _has_boxes(path: Path, columns: Sequence[str]) -> bool:
    wanted = ["file", "plate", *(_BOX if set(_BOX) & set(columns) else ())]
    if missing := [name for name in wanted if name not in columns]:
        raise LabelsError(f"{path}, row 1: no column {', '.join(missing)}")
    return len(wanted) > 2


def _row(at: str, folder: Path, number: int, row: Mapping[str, str | None], *, boxed: bool) -> Labelled:
    wanted = ("file", "plate", *(_BOX if boxed else ()))
    told = {name: (row[name] or "").strip() for name in wanted}
    if short := [name for name in wanted if row[name] is None]:
        raise LabelsError(f"{at}: nothing for {', '.join(short)}")
    picture = folder / told["file"]
    if not told["file"] or not picture.is_file():
        raise LabelsError(f"{at}: no picture {told['file'] or '(file is empty)'} in {folder}")
    plate = told["plate"]
    if not _PLATE.fullmatch(plate):
        raise LabelsError(f"{at}: plate {plate!r} is not of A-Z and 0-9 alone")
    if not boxed:
        if not plate:
            raise LabelsError(f"{at}: plate is empty")
        return Labelled(picture, number, plate, (), _region(row))
    if not plate and not any(told[name] for name in _BOX):
        return Labelled(picture, number, None, ())
    return Labelled(picture, number, None, (Truth(plate, _box(at, told), _region(row)),))


def _region(row: Mapping[str, str | None]) -> str:
    state = (row.get("state") or "").strip().lower()
    return (row.get("region") or "").strip().lower() or (f"us-{state}" if state else "")


def _box(at: str, told: Mapping[str, str]) -> Box:
    x, y, width, height = (_number(at, name, told[name]) for name in _BOX)
    if width < 1 or height < 1:
        raise LabelsError(f"{at}: the box is {told['w']} x {told['h']} pixels")
    return Box(x, y, width, height)


def _number(at: str, name: str, text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise LabelsError(f"{at}: {name} is {text!r}, not a number of pixels")
    return round(number)
