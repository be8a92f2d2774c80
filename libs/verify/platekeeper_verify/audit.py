"""Checks an export of leaves against a chain of signed checkpoints, and names what is wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from platekeeper_verify import leaves
from platekeeper_verify.explain import explain
from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.merkle import Edge
from platekeeper_verify.notes import Checkpoint, Key, NotSigned, open_checkpoint
from platekeeper_verify.numbers import Numbers

UNREADABLE = bytes(32)
"""Stands in the tree for a line that is no leaf."""
MOST_NAMED = 20
"""Findings of one kind that are told; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and what is wrong; `proved` records (withheld ones: their hashes) stand as they were signed."""

    findings: Sequence[Finding]
    records: int
    withheld: int
    checkpoints: int
    proved: int


@dataclass(frozen=True, slots=True)
class Named:
    """A checkpoint, and the name under which it was kept."""

    name: str
    checkpoint: Checkpoint


def check_chain(notes: Iterable[tuple[str, bytes]], key: Key) -> tuple[list[Named], list[Finding]]:
    """The checkpoints among the notes in the order of their names, and what is wrong with them.

    A name sorts by the time of signing, so a tree may only grow along the names.
    """
    chain: list[Named] = []
    findings: list[Finding] = []
    for name, note in sorted(notes):
        try:
            chain.append(Named(name, open_checkpoint(note, key)))
        except NotSigned as error:
            findings.append(Finding(Kind.SIGNATURE, f"checkpoint {name}: {error}"))
        except ValueError as error:
            findings.append(Finding(Kind.MALFORMED, f"checkpoint {name}: {error}"))
    largest: Named | None = None
    for one in chain:
        if largest is not None and one.checkpoint.size < largest.checkpoint.size:
            sizes = f"{one.checkpoint.size} records after {largest.checkpoint.size}"
            findings.append(Finding(Kind.FORKED, f"checkpoint {one.name} signs {sizes} in {largest.name}"))
        elif largest is not None and one.checkpoint.size == largest.checkpoint.size:
            if one.checkpoint.root != largest.checkpoint.root:
                two = f"checkpoints {largest.name} and {one.name}"
                findings.append(Finding(Kind.FORKED, f"{two} sign two trees of {one.checkpoint.size} records"))
        else:
            largest = one
    return chain, findings


@dataclass
class _Walk:
    """The tree of the export as far as it has been read, beside what was signed."""

    signed: dict[int, list[Named]]
    edge: Edge = field(default_factory=Edge)
    good: Edge = field(default_factory=Edge)
    since: list[bytes] = field(default_factory=list)
    misfits: list[Named] = field(default_factory=list)

    def look(self) -> None:
        """Compare the tree of this size with the checkpoints of this size."""
        here = self.signed.get(self.edge.size, [])
        fits = [one for one in here if one.checkpoint.root == self.edge.root]
        self.misfits += [one for one in here if one not in fits]
        if fits:
            self.good, self.since = self.edge, []

    def add(self, hashed: bytes) -> None:
        self.edge = self.edge.grown([hashed])
        self.since.append(hashed)
        self.look()


def check_export(lines: Iterable[str], notes: Iterable[tuple[str, bytes]], key: Key) -> Report:
    """Check an export (one leaf a line) against signed notes, each with its name."""
    chain, findings = check_chain(notes, key)
    walk, numbers, indexes = _Walk(_by_size(chain)), Numbers(), []
    altered: list[int] = []
    walk.look()
    for place, line in enumerate(lines):
        try:
            leaf = leaves.parse(line)
        except ValueError as error:
            findings.append(Finding(Kind.MALFORMED, f"record {place}: {_first_line(error)}"))
            walk.add(UNREADABLE)
            continue
        if leaf.computed is not None and leaf.computed != leaf.stated:
            findings.append(Finding(Kind.CHANGED, f"record {place}: its content does not have its hash"))
            altered.append(place)
        indexes.append(leaf.index)
        numbers.follow(place, leaf.said)
        walk.add(leaf.stated)
    findings += _order(indexes) + _tree(walk, numbers) + _ends(chain, walk) + numbers.certain() + numbers.gaps()
    proved = walk.good.size - sum(place < walk.good.size for place in altered)
    return Report(_without_repeats(findings), walk.edge.size, numbers.withheld, len(chain), proved)


def _by_size(chain: Sequence[Named]) -> dict[int, list[Named]]:
    sizes: dict[int, list[Named]] = {}
    for one in chain:
        sizes.setdefault(one.checkpoint.size, []).append(one)
    return sizes


def _order(indexes: Sequence[int]) -> list[Finding]:
    """What is wrong with the stated indexes, which must count from 0."""
    findings = []
    before: int | None = None
    expected = 0
    for index in sorted(indexes):
        if index == before:
            findings.append(Finding(Kind.INSERTED, f"index {index} is there twice"))
        elif index > expected:
            missing = str(expected) if index == expected + 1 else f"{expected} to {index - 1}"
            findings.append(Finding(Kind.DROPPED, f"index {missing} is not in the export"))
        before, expected = index, index + 1
    highest = -1
    for index in indexes:
        if index < highest:
            findings.append(Finding(Kind.REORDERED, f"index {index} comes after {highest}"))
        highest = max(highest, index)
    return findings


def _tree(walk: _Walk, numbers: Numbers) -> list[Finding]:
    """Why the tree is not the one that was signed: the first misfit is explained, the others follow from it."""
    size = walk.good.size
    findings = [
        Finding(Kind.FORKED, f"checkpoint {one.name} signs another tree of {one.checkpoint.size} records")
        for one in walk.misfits
        if one.checkpoint.size <= size
    ]
    later = [one for one in walk.misfits if one.checkpoint.size > size]
    if later:
        first = later[0].checkpoint
        clues = [clue for place, clue in numbers.clues if size <= place <= first.size]
        findings.append(explain(walk.good, walk.since, [one.checkpoint for one in later], clues))
        told = f"checkpoint {later[0].name} and {len(later) - 1} later ones do not fit the export"
        findings.append(Finding(findings[-1].kind, told))
    return findings


def _ends(chain: Sequence[Named], walk: _Walk) -> list[Finding]:
    """What is missing at the end of the export, or of the checkpoints."""
    if not chain:
        return [Finding(Kind.DROPPED, "no checkpoint that the key signed")]
    most = max(one.checkpoint.size for one in chain)
    if walk.edge.size < most:
        return [Finding(Kind.DROPPED, f"{most} records were signed, the export has {walk.edge.size}")]
    if walk.edge.size > most:
        return [Finding(Kind.INSERTED, f"{most} records were signed, the export has {walk.edge.size}")]
    return []


def _without_repeats(findings: Sequence[Finding]) -> list[Finding]:
    """Each finding once, and of one kind no more than can be read."""
    told = list(dict.fromkeys(findings))
    kept: list[Finding] = []
    for kind in dict.fromkeys(finding.kind for finding in told):
        alike = [finding for finding in told if finding.kind is kind]
        kept += alike[:MOST_NAMED]
        if len(alike) > MOST_NAMED:
            kept.append(Finding(kind, f"{len(alike) - MOST_NAMED} more"))
    return kept


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
