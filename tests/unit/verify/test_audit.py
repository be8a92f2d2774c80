"""Any one mutation of an export or of a checkpoint is a finding, in trees of any size and with any checkpoints."""

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from platekeeper_access_audit.ledger.checkpoints import Checkpoint, Signer
from platekeeper_verify import merkle
from platekeeper_verify.audit import check_export
from platekeeper_verify.findings import Kind
from platekeeper_verify.notes import Key
from platekeeper_verify.reading import LINES

SIGNER = Signer("pomona.example/ledger", bytes(32))
KEY = Key.parse(SIGNER.key)
Line = dict[str, Any]


def line(index: int, number: int, **more: Any) -> Line:
    """A record of one of two producers, a minute after the one before."""
    said = {"id": f"record-{index}", "producer": f"p{number % 2}", "number": (number + 1) // 2, **more}
    said = {"at": f"2026-11-22T{number // 60:02}:{number % 60:02}:00.00Z"} | said
    return hashed({"index": index, "salt": base64.b64encode(bytes(16)).decode(), "canonical": json.dumps(said)})


def hashed(one: Line) -> Line:
    return one | {"leaf_hash": merkle.leaf_hash(base64.b64decode(one["salt"]) + one["canonical"].encode()).hex()}


def renumbered(lines: list[Line]) -> list[Line]:
    return [one | {"index": n} for n, one in enumerate(lines)]


def notes_of(lines: list[Line], sizes: set[int]) -> list[tuple[str, bytes]]:
    hashes = [bytes.fromhex(one["leaf_hash"]) for one in lines]
    roots = {size: merkle.root(hashes[:size]) for size in sizes | {len(lines)}}
    return [(f"{size:06}", SIGNER.sign(Checkpoint(SIGNER.origin, size, roots[size])).encode()) for size in roots]


def kinds(lines: list[Line], notes: list[tuple[str, bytes]]) -> set[Kind]:
    return {finding.kind for finding in check_export([json.dumps(one) for one in lines], notes, KEY).findings}


trees = st.integers(3, 90).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size)), st.integers(1, size - 2))
)


@settings(max_examples=40)
@given(trees)
def test_what_was_signed_stands_and_each_mutation_is_named(drawn: tuple[int, set[int], int]) -> None:
    size, sizes, n = drawn
    lines = [line(index, index + 1) for index in range(size)]
    notes = notes_of(lines, sizes)
    assert kinds(lines, notes) == set()
    changed = [*lines[:n], line(n, n + 1, username="other"), *lines[n + 1 :]]
    assert kinds(changed, notes) == {Kind.CHANGED}
    dropped = lines[:n] + lines[n + 1 :]
    assert Kind.DROPPED in kinds(dropped, notes)
    assert Kind.DROPPED in kinds(renumbered(dropped), notes)
    swapped = [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]]
    assert Kind.REORDERED in kinds(swapped, notes)
    assert Kind.REORDERED in kinds(renumbered(swapped), notes)
    inserted = [*lines[:n], line(n, 10**3, id="new"), *lines[n:]]
    assert Kind.INSERTED in kinds(inserted, notes)
    assert Kind.INSERTED in kinds(renumbered(inserted), notes)
    withheld = [*lines[:n], lines[n] | {"salt": None, "canonical": None}, *lines[n + 1 :]]
    assert kinds(withheld, notes) == set()


@given(trees, st.data())
def test_any_altered_byte_of_a_checkpoint_is_told(drawn: tuple[int, set[int], int], data: st.DataObject) -> None:
    size, sizes, _ = drawn
    lines = [line(index, index + 1) for index in range(size)]
    notes = notes_of(lines, sizes)
    which = data.draw(st.integers(0, len(notes) - 1))
    name, note = notes[which]
    altered = bytearray(note)
    altered[data.draw(st.integers(0, len(note) - 1))] ^= data.draw(st.integers(1, 255))
    found = kinds(lines, [*notes[:which], (name, bytes(altered)), *notes[which + 1 :]])
    assert found & {Kind.SIGNATURE, Kind.MALFORMED}


def test_several_processes_find_what_one_finds() -> None:
    def at(number: int) -> str:
        return f"2026-11-{22 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00.00Z"

    lines = [line(index, index + 1, at=at(index + 1)) for index in range(2 * LINES + 300)]
    notes = notes_of(lines, {0, 1, 700, LINES, LINES + 1, 2 * LINES + 77})
    n = LINES + 5
    late = line(n, n + 1, at=at(1))
    again = line(n, n + 1, at=at(n + 1), id="record-7")
    exports = [
        (lines, set()),
        ([*lines[:n], line(n, n + 1, at=at(n + 1), username="other"), *lines[n + 1 :]], {Kind.CHANGED}),
        ([*lines[:n], lines[n] | {"canonical": "{}"}, *lines[n + 1 :]], {Kind.MALFORMED, Kind.DROPPED, Kind.GAP}),
        (renumbered(lines[:n] + lines[n + 1 :]), {Kind.DROPPED, Kind.GAP}),
        (renumbered([*lines[:n], lines[3], *lines[n:]]), {Kind.INSERTED}),
        ([*lines[:n], late, *lines[n + 1 :]], {Kind.BACK_DATED}),
        ([*lines[:n], again, *lines[n + 1 :]], {Kind.INSERTED}),
        ([*lines[:9], lines[9] | {"salt": None, "canonical": None}, *lines[10:]], set()),
    ]
    for export, told in exports:
        text = [json.dumps(one) for one in export]
        report = check_export(text, notes, KEY, processes=1)
        assert {finding.kind for finding in report.findings} == told
        assert check_export(text, notes, KEY, processes=2) == report


def test_without_a_checkpoint_nothing_is_proved() -> None:
    assert kinds([line(0, 1)], []) == {Kind.DROPPED}


def test_lines_that_are_none_are_told() -> None:
    whole = line(0, 1)
    notes = notes_of([whole], set())
    for wrong in ({"index": -1}, {"leaf_hash": "00"}, {"salt": None}, {"salt": "?"}, {"canonical": "{}"}):
        assert Kind.MALFORMED in kinds([whole | wrong], notes)
    report = check_export(["not JSON", "[]", "[" * 100_000], notes, KEY)
    assert Kind.MALFORMED in {finding.kind for finding in report.findings}
