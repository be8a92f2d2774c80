"""What `platekeeper bench recognition` says: tables in Markdown for people, JSON for programs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from platekeeper.bench import causes, conditions, guesses
from platekeeper.bench.causes import Miss
from platekeeper.bench.labels import Corrections
from platekeeper.bench.runs import Run
from platekeeper_recognition import reliability
from platekeeper_recognition.measure import Outcome
from platekeeper_recognition.reliability import Bin, Judged

MOST = 150
"""More misses than so many are counted, not listed."""
Right = Callable[[Outcome], bool]


def engines(runs: Sequence[Run]) -> str:
    """What each engine was: its model, how large frames were made for its detector, and how sure a read had to be."""
    header = ("engine", "model", "SHA-256 of its files", "longest side px", "least confidence")
    rows = []
    for setup in (some[0].setup for some in by_engine(runs).values()):
        model = setup.model
        how = [str(setup.longest_side), str(setup.least_confidence)]
        rows.append([setup.engine, f"{model.name}, {model.version}", f"`{model.checksum[:12]}`", *how])
    return _table(header, rows)


def figures(runs: Sequence[Run], corrections: Corrections) -> str:
    """One line for each set and engine."""
    header = (
        "set", "engine", "expects", "plates", "exact %", "folded %",
        "exact % (labels corrected)", "folded % (corrected)", "box found %", "nothing read",
        "false reads a scene", "ms a picture", "mean", "of which finding", "decoding",
    )  # fmt: skip
    return _table(header, [_figures(run, run.corrected(corrections)) for run in runs])


def reader(runs: Sequence[Run], corrections: Corrections) -> str:
    """How the reader does when it is given the true box of every plate of a scene; labels corrected."""
    rows = []
    for run in runs:
        score = run.corrected(corrections).in_boxes
        if score.plates:
            exact, folded = _of(score.exact, score.plates), _of(score.folded, score.plates)
            rows.append([run.setup.set, run.setup.engine, str(score.plates), exact, folded, str(score.missed)])
    return _table(("set", "engine", "plates", "exact %", "folded %", "nothing read"), rows)


def guessed_regions(runs: Sequence[Run]) -> str:
    """How well engines that guess states and countries do."""
    header = ("engine", "set", "reads", "named %", "right %", "with the state %", "mean confidence %", "error %")
    rows = []
    for engine, some in by_engine(runs).items():
        for name, these in [*((run.setup.set, [run]) for run in some), ("all", some)]:
            found = guesses.of(these)
            if count := len(found.judged):
                sure = sum(guess.confidence for guess in found.judged) / count
                shares = (count / found.reads, found.right / count, found.states / count, sure, found.error)
                rows.append([engine, name, str(found.reads), *map(_percent, shares)])
    return _table(header, rows) if rows else "No engine guesses states or countries."


def calibration(runs: Sequence[Run], corrections: Corrections) -> str:
    """One line for each set and engine, and one for all sets of an engine; labels corrected."""
    header = (
        "engine", "set", "reads", "mean confidence %", "exact %", "error %", "equal mass %", "by chance %",
        "folded %", "error (folded) %", "equal mass %", "by chance %",
    )  # fmt: skip
    rows = []
    for engine, some in by_engine(runs).items():
        sets = [(run.setup.set, [run]) for run in some] if len(some) > 1 else []
        for name, these in [*sets, ("all" if sets else some[0].setup.set, some)]:
            exact, folded = (_judged(these, corrections, right) for right in (_exact, _folded))
            if exact:
                sure = sum(read.confidence for read in exact) / len(exact)
                rows.append([engine, name, str(len(exact)), _percent(sure), *_errors(exact), *_errors(folded)])
    return _table(header, rows)


def curves(runs: Sequence[Run], corrections: Corrections) -> dict[str, list[Bin]]:
    """The reliability curve of each engine over all its sets: exact reads, labels corrected, bins of equal mass."""
    judged = {engine: _judged(some, corrections, _exact) for engine, some in by_engine(runs).items()}
    return {engine: reliability.equal_mass(reads) for engine, reads in judged.items() if reads}


def by_condition(runs: Sequence[Run], corrections: Corrections) -> str:
    """Figures by the width of plates and the light; labels corrected."""
    engines = {name: conditions.parts(_corrected(some, corrections)) for name, some in by_engine(runs).items()}
    header = ["condition", "plates"]
    rows: dict[str, list[str]] = {}
    for engine, parts in engines.items():
        header += [f"{engine}: exact %", "folded %", "box found %"]
        for part in parts:
            row = rows.setdefault(part.name, [part.name, str(part.plates)])
            found = "" if part.name.startswith("crops") else _of(part.detected, part.plates)
            row += [_of(part.exact, part.plates), _of(part.folded, part.plates), found]
    return _table(header, list(rows.values()))


def by_region(runs: Sequence[Run], corrections: Corrections) -> str:
    """For each engine, the regions of which not every plate was read exactly; labels corrected."""
    lines = []
    for engine, some in by_engine(runs).items():
        parts = conditions.regions(_corrected(some, corrections))
        flawed = [part for part in parts if part.exact < part.plates]
        flawed.sort(key=lambda part: part.exact - part.plates)
        told = "".join(f", {part.name} {part.exact}/{part.plates}" for part in flawed)
        if parts:
            lines.append(f"- `{engine}`: all plates of {len(parts) - len(flawed)} of {len(parts)} regions{told}")
    return "\n".join(lines) or "No label says whose plate it is."


def by_cause(misses: Mapping[str, Sequence[Miss]]) -> str:
    """How many plates each engine did not read exactly, cause by cause."""
    counts = {engine: dict(causes.counted(some)) for engine, some in misses.items()}
    names = dict.fromkeys(cause for each in counts.values() for cause in each)
    rows = [[cause, *(str(each.get(cause, 0)) for each in counts.values())] for cause in names]
    sums = ["all", *(str(sum(each.values())) for each in counts.values())]
    guesses = ["of which guessed", *(str(sum(not miss.cause for miss in some)) for some in misses.values())]
    return _table(["cause", *counts], [*rows, sums, guesses])


def missed(misses: Sequence[Miss]) -> str:
    """Each plate that was not read exactly, by cause; a cause that nobody has looked at bears a question mark."""
    header = ("cause", "set", "file", "shows", "read", "confidence", "px wide")
    left_out = f"\n\nand {len(misses) - MOST} more" if len(misses) > MOST else ""
    return _table(header, [_missed(miss) for miss in misses[:MOST]]) + left_out


def as_json(runs: Sequence[Run], corrections: Corrections) -> bytes:
    """All that the tables say and both ways of laying bins, for labels as they are and corrected."""
    told = [{"setup": asdict(run.setup) | {"model": _model(run)}, **_told(run, corrections)} for run in runs]
    return json.dumps(told, indent=1).encode() + b"\n"


def by_engine(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each engine."""
    return {
        name: [run for run in runs if run.setup.engine == name] for name in {run.setup.engine: None for run in runs}
    }


def _figures(run: Run, corrected: Run) -> list[str]:
    score, right, setup = run.score, corrected.score, run.setup
    false_reads = "" if setup.crops else f"{score.false_reads / score.scenes:.2f}"
    return [
        setup.set,
        setup.engine,
        " ".join(setup.regions) or "every shape",
        str(score.plates),
        _of(score.exact, score.plates),
        _of(score.folded, score.plates),
        _of(right.exact, right.plates),
        _of(right.folded, right.plates),
        "" if setup.crops else _of(score.detected, score.boxes),
        str(score.missed),
        false_reads,
        f"{run.cpu_ms:.1f}",
        f"{run.mean_ms:.1f}",
        f"{run.finding_ms:.1f}" if run.finding_ms else "",
        f"{run.decode_ms:.1f}",
    ]


def _missed(miss: Miss) -> list[str]:
    outcome = miss.outcome
    cause = miss.cause or f"{miss.guess}?"
    sure = f"{outcome.confidence:.2f}" if outcome.read else ""
    width = str(outcome.truth.box.width)
    return [cause, miss.set, miss.file, outcome.truth.plate, outcome.text or "nothing", sure, width]


def _told(run: Run, corrections: Corrections) -> dict[str, Any]:
    corrected = run.corrected(corrections)
    return {
        "cpu_ms": run.cpu_ms,
        "mean_ms": run.mean_ms,
        "finding_ms": run.finding_ms,
        "decode_ms": run.decode_ms,
        "score": asdict(run.score),
        "score_with_labels_corrected": asdict(corrected.score),
        "calibration": {
            f"{judged}{named}": _reliability(_judged([run], by, right))
            for named, by in (("", Corrections({})), ("_with_labels_corrected", corrections))
            for judged, right in (("exact", _exact), ("folded", _folded))
        },
        "in_true_boxes": asdict(corrected.in_boxes),
        "conditions": [asdict(part) for part in conditions.parts([corrected])],
        "regions": [asdict(part) for part in conditions.regions([corrected])],
    }


def _reliability(reads: Sequence[Judged]) -> dict[str, Any] | None:
    if not reads:
        return None
    laid = {"equal_width": reliability.equal_width(reads), "equal_mass": reliability.equal_mass(reads)}
    return {
        "reads": len(reads),
        **{
            name: {
                "expected_error": reliability.expected_error(bins),
                "by_chance": reliability.error_by_chance(bins),
                "bins": [asdict(each) for each in bins],
            }
            for name, bins in laid.items()
        },
    }


def _model(run: Run) -> dict[str, str]:
    model = run.setup.model
    return {"name": model.name, "version": model.version, "checksum": model.checksum}


def _judged(runs: Sequence[Run], corrections: Corrections, right: Right) -> list[Judged]:
    """The reads of plates whose text is known; false reads may be plates that nobody labelled."""
    outcomes = [outcome for run in _corrected(runs, corrections) for outcome in run.outcomes]
    return [Judged(each.confidence, right(each)) for each in outcomes if each.truth.plate and each.read is not None]


def _corrected(runs: Sequence[Run], corrections: Corrections) -> list[Run]:
    return [run.corrected(corrections) for run in runs]


def _exact(outcome: Outcome) -> bool:
    return outcome.exact


def _folded(outcome: Outcome) -> bool:
    return outcome.folded


def _errors(reads: Sequence[Judged]) -> list[str]:
    width, mass = reliability.equal_width(reads), reliability.equal_mass(reads)
    right = sum(read.right for read in reads) / len(reads)
    shares = (
        right,
        reliability.expected_error(width),
        reliability.expected_error(mass),
        reliability.error_by_chance(width),
    )
    return [_percent(share) for share in shares]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _of(part: int, whole: int) -> str:
    return _percent(part / whole) if whole else "-"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown; columns of figures are set to the right."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    ruler = ["---:" if column and all(map(_is_figure, column)) else "---" for column in columns]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ruler, *rows))


def _is_figure(cell: str) -> bool:
    return cell in ("", "-") or cell.replace(".", "", 1).isdigit()
