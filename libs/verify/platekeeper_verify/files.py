"""Checks what lies in files: an export of leaves, and a folder of checkpoints."""

from collections.abc import Iterator
from pathlib import Path

from platekeeper_verify.audit import Demand, Report, check_export
from platekeeper_verify.notes import Key


def check_files(leaves: Path, checkpoints: Path, key: str, demand: Demand | None = None) -> Report:
    """Check the export in the file `leaves` against every `*.txt` below `checkpoints`.

    The verifier key `key`, and those of witnesses, must have come from elsewhere than the ledger's own machine. Raises
    OSError for what cannot be read, ValueError for what is no verifier key or no text.
    """
    if not checkpoints.is_dir():
        raise NotADirectoryError(f"{checkpoints} is no folder")
    known = Key.parse(key)
    with leaves.open(encoding="utf-8", newline="\n") as lines:
        return check_export(lines, _notes(checkpoints), known, demand=demand)


def _notes(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*.txt"):
        if not path.name.startswith("."):
            yield path.relative_to(folder).as_posix(), path.read_bytes()
