"""Whatever is done to what the ledger said is caught by the independent verifier, and named.

Each deed is done twice: clumsily, to the export alone, and thoroughly, by somebody who writes hashes and indexes anew
so that only the signed checkpoints speak against it.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standing import Town, town
from unit.ledger.proofs import afternoon, check, export

from platekeeper_access_audit.ledger.checkpoints import Checkpoint, Signer
from platekeeper_access_audit.ledger.room import SIGNING_KEY
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_verify import merkle
from platekeeper_verify.findings import Kind
from platekeeper_verify.notes import Key

Line = dict[str, Any]
Deed = Callable[[list[Line]], list[Line]]
PLACE = 5


class Taken:
    """An export, its checkpoints and the key."""

    def __init__(self, lines: list[str], kept: list[tuple[str, bytes]], key: Key, seed: bytes) -> None:
        self.lines, self.kept, self.key = [json.loads(line) for line in lines], kept, key
        self.signer = Signer(key.name, seed)

    def kinds(self, lines: list[Line]) -> set[Kind]:
        """What the verifier finds in these lines."""
        written = [json.dumps(line) for line in lines]
        return {finding.kind for finding in check(written, self.kept, self.key).findings}


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """An afternoon of searches, carried away."""
    return asyncio.run(carried_away(tmp_path_factory.mktemp("ledger") / "var"))


async def carried_away(folder: Path) -> Taken:
    async with town(folder, (LEDGER,)) as here, client_of(here) as client:
        await afternoon(here)
        lines, kept, key = await export(here, client)
        return Taken(lines, kept, key, await here.standing.foundation.keys.key(SIGNING_KEY))


def client_of(here: Town) -> Any:
    return here.client(here.person("inspector", "auditor"))


def content(line: Line, **changed: Any) -> Line:
    """The line with its content changed, its stated hash left as it was."""
    return line | {"canonical": json.dumps(json.loads(line["canonical"]) | changed)}


def rewritten(lines: list[Line]) -> list[Line]:
    """Hashes and indexes written anew."""
    return [
        line | {"index": n, "leaf_hash": merkle.leaf_hash(data(line)).hex()} if line["canonical"] else line
        for n, line in enumerate(lines)
    ]


def data(line: Line) -> bytes:
    return base64.b64decode(line["salt"]) + str(line["canonical"]).encode()


def place_of(lines: list[Line]) -> int:
    """A search in the middle: not the first, not the last of its producer."""
    searches = [n for n, line in enumerate(lines) if json.loads(line["canonical"])["producer"] == "retention"]
    return searches[PLACE]


def change(lines: list[Line]) -> list[Line]:
    n = place_of(lines)
    return [*lines[:n], content(lines[n], username="somebody-else"), *lines[n + 1 :]]


def drop(lines: list[Line]) -> list[Line]:
    n = place_of(lines)
    return lines[:n] + lines[n + 1 :]


def cut(lines: list[Line]) -> list[Line]:
    return lines[:-1]


def reorder(lines: list[Line]) -> list[Line]:
    n = place_of(lines)
    return [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]]


def back_date(lines: list[Line]) -> list[Line]:
    n = place_of(lines)
    return [*lines[:n], content(lines[n], at="2026-11-01T09:00:00.00Z"), *lines[n + 1 :]]


def insert(lines: list[Line]) -> list[Line]:
    n = place_of(lines)
    forged = content(lines[n], id="019c0000-0000-7000-8000-0000000000ff", number=4711)
    forged["leaf_hash"] = merkle.leaf_hash(data(forged)).hex()
    return [*lines[:n], forged, *lines[n:]]


def append(lines: list[Line]) -> list[Line]:
    forged = content(lines[-1], id="019c0000-0000-7000-8000-0000000000ff", number=4711)
    forged |= {"index": len(lines), "leaf_hash": merkle.leaf_hash(data(forged)).hex()}
    return [*lines, forged]


DEEDS = [
    (change, Kind.CHANGED),
    (drop, Kind.DROPPED),
    (cut, Kind.DROPPED),
    (reorder, Kind.REORDERED),
    (back_date, Kind.BACK_DATED),
    (insert, Kind.INSERTED),
    (append, Kind.INSERTED),
]


@pytest.mark.clause("G3")
def test_an_untouched_export_stands_as_it_was_signed(taken: Taken) -> None:
    report = check([json.dumps(line) for line in taken.lines], taken.kept, taken.key)
    assert report.findings == []
    assert report.records == report.proved == len(taken.lines) >= 12
    assert (report.withheld, report.checkpoints) == (0, len(taken.kept))


@pytest.mark.clause("G3")
@pytest.mark.parametrize("thorough", [False, True], ids=["clumsy", "thorough"])
@pytest.mark.parametrize(("deed", "kind"), DEEDS, ids=[deed.__name__ for deed, _ in DEEDS])
def test_each_deed_is_caught_and_named(taken: Taken, deed: Deed, kind: Kind, thorough: bool) -> None:
    done = deed(taken.lines)
    assert kind in taken.kinds(rewritten(done) if thorough else done)


@pytest.mark.clause("G3")
def test_any_one_bit_of_the_content_is_caught(taken: Taken) -> None:
    for n, line in enumerate(taken.lines):
        for field in ("salt", "canonical", "leaf_hash"):
            text = str(line[field])
            swapped = text[:2] + ("0" if text[2] != "0" else "1") + text[3:]
            found = taken.kinds([*taken.lines[:n], line | {field: swapped}, *taken.lines[n + 1 :]])
            assert found & {Kind.CHANGED, Kind.MALFORMED}, (n, field)


@pytest.mark.clause("G3")
def test_a_fork_is_caught_though_the_ledger_signed_it(taken: Taken) -> None:
    name, note = taken.kept[-1]
    size = int(note.split(b"\n")[1])
    forked = taken.signer.sign(Checkpoint(taken.key.name, size, bytes(32))).encode()
    written = [json.dumps(line) for line in taken.lines]
    two_trees = check(written, [*taken.kept, (f"{name}.z", forked)], taken.key).findings
    in_between = check(written, [(taken.kept[1][0], forked_at(taken, taken.kept[1][1])), *taken.kept[2:]], taken.key)
    rolled_back = check(written, [*taken.kept, (f"{name}.z", taken.kept[0][1])], taken.key).findings
    for findings in (two_trees, in_between.findings, rolled_back):
        assert {finding.kind for finding in findings} == {Kind.FORKED}


def forked_at(taken: Taken, note: bytes) -> bytes:
    """Another tree of the size in the note, signed."""
    return taken.signer.sign(Checkpoint(taken.key.name, int(note.split(b"\n")[1]), bytes(32))).encode()


def test_a_checkpoint_of_another_key_is_told(taken: Taken) -> None:
    stranger = Signer(taken.key.name, bytes(32))
    name, note = taken.kept[-1]
    forged = stranger.sign(taken.signer.opened(note.decode())).encode()
    report = check([json.dumps(line) for line in taken.lines], [*taken.kept[:-1], (name, forged)], taken.key)
    assert Kind.SIGNATURE in {finding.kind for finding in report.findings}


def test_numbers_that_never_came_are_told(taken: Taken) -> None:
    """The ledger signed a tree from which a producer's record is missing."""
    lines = rewritten(drop(taken.lines))
    root = merkle.root(bytes.fromhex(line["leaf_hash"]) for line in lines)
    note = taken.signer.sign(Checkpoint(taken.key.name, len(lines), root)).encode()
    report = check([json.dumps(line) for line in lines], [("1", note)], taken.key)
    assert [finding.kind for finding in report.findings] == [Kind.GAP]
    assert report.proved == len(lines)
