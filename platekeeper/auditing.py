"""`platekeeper audit verify`: what the verifier says, in lines. It talks to nobody."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platekeeper_verify.audit import Demand, Report
from platekeeper_verify.bundles import check_bundle
from platekeeper_verify.cosignatures import Witness
from platekeeper_verify.files import check_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be checked: an export and a folder of checkpoints, or a bundle; by which key and witnesses."""

    leaves: Path | None
    checkpoints: Path | None
    bundle: Path | None
    key: str | None
    witnesses: Sequence[str] = ()
    needed: int | None = None


def verify(asked: Asked) -> int:
    """Check and say what was found: 0 nothing, 1 something is wrong, 2 it cannot be read."""
    try:
        report = _checked(asked)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    for line in told(report):
        print(line)  # noqa: T201
    return 1 if report.findings else 0


def told(report: Report) -> list[str]:
    """A line for each finding, and what stands."""
    doubt = " (whose they are is not proved)" if report.withheld and report.complete is None else ""
    said = (
        f"{report.records} records, {report.withheld} without content{doubt}, {report.checkpoints} checkpoints:"
        f" {report.proved} records stand as they were signed"
    )
    if report.witnessed is not None:
        said += f"; as many witnesses as needed have seen {report.witnessed}"
    if report.complete is not None:
        said += f"; they hold {report.complete}"
    return [*map(str, report.findings), said]


def _checked(asked: Asked) -> Report:
    demand = _demand(asked)
    if asked.bundle is not None:
        if asked.key is None:
            print("without --key the bundle is checked by its own: compare it with one that you were given")  # noqa: T201
        return check_bundle(asked.bundle, asked.key, demand)
    if asked.leaves is None or asked.checkpoints is None or asked.key is None:
        raise ValueError("--leaves, --checkpoints and --key are needed, or --bundle")
    return check_files(asked.leaves, asked.checkpoints, asked.key, demand)


def _demand(asked: Asked) -> Demand | None:
    witnesses = [Witness.parse(text) for text in asked.witnesses]
    if not witnesses and asked.needed is None:
        return None
    return Demand(witnesses, len(witnesses) if asked.needed is None else asked.needed)
