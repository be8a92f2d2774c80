"""What is written when engines were measured: tables, pages, the curve, and what a person looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platekeeper.bench import causes, curve, pages, report, sheet, weights
from platekeeper.bench.causes import Miss
from platekeeper.bench.labels import Corrections
from platekeeper.bench.runs import Run

_PRINTED = ("figures", "reader", "guesses", "calibration", "conditions", "causes")
_TITLE = "Reads right by confidence"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where it goes."""

    out: Path | None = None
    """A folder for all of it: contact sheets show photographs, so it is not for publishing."""
    corrections: Path | None = None
    pages: tuple[Path, ...] = ()
    """Markdown pages whose marked parts are written anew."""
    curve: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that are written beside the folder."""
        return (*self.pages, *([self.curve] if self.curve else []))


def write(runs: Sequence[Run], corrections: Corrections, wanted: Wanted) -> str:
    """Write what is wanted; what to print. Raises OSError, ValueError."""
    seen = causes.seen(wanted.out / causes.FILE) if wanted.out else {}
    misses = {
        engine: [miss for run in some for miss in causes.of(run, corrections, seen)]
        for engine, some in report.by_engine(runs).items()
    }
    parts = _parts(runs, corrections, misses)
    drawn = curve.svg(_TITLE, report.curves(runs, corrections))
    if wanted.out:
        _fill(wanted.out, runs, corrections, misses, parts)
        (wanted.out / "calibration.svg").write_text(drawn, encoding="utf-8")
    if wanted.curve:
        wanted.curve.write_text(drawn, encoding="utf-8")
    for page in wanted.pages:
        pages.fill(page, parts)
    return "\n\n".join(parts[name] for name in _PRINTED) + "\n"


def _parts(runs: Sequence[Run], corrections: Corrections, misses: dict[str, list[Miss]]) -> dict[str, str]:
    """By the name that pages mark them with. The misses are those of the first engine, which is the settings' own."""
    first = next(iter(misses.values()))
    return {
        "models": weights.table(),
        "engines": report.engines(runs),
        "figures": report.figures(runs, corrections),
        "reader": report.reader(runs, corrections),
        "guesses": report.guessed_regions(runs),
        "calibration": report.calibration(runs, corrections),
        "conditions": report.by_condition(runs, corrections),
        "regions": report.by_region(runs, corrections),
        "causes": report.by_cause(misses),
        "misses": report.missed(sorted(first, key=lambda miss: (miss.told, miss.set, miss.file))),
    }


def _fill(
    out: Path, runs: Sequence[Run], corrections: Corrections, misses: dict[str, list[Miss]], parts: dict[str, str]
) -> None:
    (out / "figures.json").write_bytes(report.as_json(runs, corrections))
    text = "\n\n".join(f"## {name}\n\n{part}" for name, part in parts.items())
    (out / "figures.md").write_text(text + "\n", encoding="utf-8")
    causes.write(out / causes.FILE, [miss for some in misses.values() for miss in some])
    sheets = out / "sheets"
    sheets.mkdir(exist_ok=True)
    for run in runs:
        setup = run.setup
        some = [miss for miss in misses[setup.engine] if miss.set == setup.set]
        page = sheet.draw(some, Path(setup.folder), f"{setup.set}, {setup.engine}")
        page.save(sheets / f"{setup.engine}-{setup.set}.png", format="PNG")
