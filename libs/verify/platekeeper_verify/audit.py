"""Checks an export of leaves against a chain of signed checkpoints, and names what is wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from platekeeper_verify.cosignatures import Witness, cosigned
from platekeeper_verify.explain import explain
from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.indexes import Indexes
from platekeeper_verify.merkle import HASH_BYTES, Edge
from platekeeper_verify.notes import Checkpoint, Key, NotSigned, open_checkpoint
from platekeeper_verify.numbers import Numbers
from platekeeper_verify.reading import Piece, read_export

MOST_NAMED = 20
"""Findings of one kind that are told; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and what is wrong; `proved` records (withheld ones: their hashes) stand as they were signed.

    `witnessed`: how many records the largest checkpoint holds that enough witnesses cosigned; None: none were demanded.
    """

    findings: Sequence[Finding]
    records: int
    withheld: int
    checkpoints: int
    proved: int
    witnessed: int | None = None
    complete: str | None = None
    """Of what the records are all, in words; None where that is not proved."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The last checkpoint must be cosigned by `needed` of the witnesses."""

    witnesses: Sequence[Witness]
    needed: int

    def __post_init__(self) -> None:
        """Refuse what can never be met."""
        if not 0 < self.needed <= len({witness.name for witness in self.witnesses}):
            raise ValueError("as many witnesses must be named as are needed, and at least one")


@dataclass(frozen=True, slots=True)
class Part:
    """An export of the leaves from `start` on, and the subtrees beside it: the tree is proved, not the others' leaves.

    Each subtree is its level (2**level leaves) and its root, left to right.
    """

    start: int
    left: Sequence[tuple[int, bytes]]
    right: Sequence[tuple[int, bytes]]


WHOLE = Part(0, (), ())


@dataclass(frozen=True, slots=True)
class Named:
    """A checkpoint, the name under which it was kept, and the witnesses who cosigned it."""

    name: str
    checkpoint: Checkpoint
    witnesses: frozenset[str] = frozenset()


def check_chain(
    notes: Iterable[tuple[str, bytes]], key: Key, witnesses: Sequence[Witness] = ()
) -> tuple[list[Named], list[Finding]]:
    """The checkpoints among the notes in the order of their names, and what is wrong with them.

    A name sorts by the time of signing, so a tree may only grow along the names.
    """
    chain: list[Named] = []
    findings: list[Finding] = []
    for name, note in sorted(notes):
        try:
            checkpoint = open_checkpoint(note, key)
            chain.append(Named(name, checkpoint, frozenset(one.witness for one in cosigned(note, witnesses))))
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
    since: bytearray = field(default_factory=bytearray)
    """The leaf hashes since the last tree that fits."""
    misfits: list[Named] = field(default_factory=list)

    def look(self) -> None:
        """Compare the tree of this size with the checkpoints of this size."""
        here = self.signed.get(self.edge.size)
        if here is None:
            return
        root = self.edge.root
        fits = [one for one in here if one.checkpoint.root == root]
        self.misfits += [one for one in here if one not in fits]
        if fits:
            self.good, self.since = self.edge, bytearray()

    def add(self, piece: Piece) -> None:
        self.edge = self.edge.extended(piece.subtrees)
        self.since += piece.hashes
        self.look()

    def behind(self) -> list[bytes]:
        """The leaf hashes since the last tree that fits, each by itself."""
        return [bytes(self.since[at : at + HASH_BYTES]) for at in range(0, len(self.since), HASH_BYTES)]


def check_export(
    lines: Iterable[str],
    notes: Iterable[tuple[str, bytes]],
    key: Key,
    *,
    demand: Demand | None = None,
    part: Part = WHOLE,
    processes: int | None = None,
) -> Report:
    """Check an export (one leaf a line) against signed notes, each with its name, in `processes` as `read_export` says.

    Raises ValueError for a part whose subtrees cannot stand beside it, OSError when a process ends.
    """
    chain, findings = check_chain(notes, key, demand.witnesses if demand else ())
    before = Edge().extended(part.left)
    if before.size != part.start:
        raise ValueError(f"the subtrees before the export hold {before.size} records, not {part.start}")
    walk, indexes = _Walk(_by_size(chain), before, before), Indexes(part.start)
    numbers = Numbers(whole=part.start == 0, start=part.start)
    altered: list[int] = []
    walk.look()
    for read in read_export(lines, part.start, sorted(walk.signed), processes=processes):
        findings += [Finding(Kind.MALFORMED, f"record {place}: {why}") for place, why in read.malformed]
        findings += [Finding(Kind.CHANGED, f"record {at}: its content does not have its hash") for at in read.altered]
        altered += read.altered
        indexes.follow(read.indexes)
        numbers.follow(read)
        for piece in read.pieces:
            walk.add(piece)
    numbers.end()
    records, end = walk.edge.size - part.start, walk.edge.size
    if part.right:
        walk.edge = walk.edge.extended(part.right)
        walk.look()
    findings += indexes.findings() + _tree(walk, numbers) + _ends(chain, walk) + numbers.certain() + numbers.gaps()
    witnessed, unmet = _witnessed(chain, demand)
    proved = max(0, min(walk.good.size, end) - part.start) - sum(place < walk.good.size for place in altered)
    told = _without_repeats([*findings, *unmet])
    return Report(told, records, numbers.withheld, len(chain), proved, witnessed)


def _witnessed(chain: Sequence[Named], demand: Demand | None) -> tuple[int | None, list[Finding]]:
    """How many records enough witnesses have seen, and what is wrong when that is not all that was signed."""
    if demand is None:
        return None, []
    seen: dict[tuple[int, bytes], frozenset[str]] = {}
    for one in chain:
        tree = one.checkpoint.size, one.checkpoint.root
        seen[tree] = seen.get(tree, frozenset()) | one.witnesses
    most = max((size for size, _ in seen), default=0)
    enough = max((size for (size, _), names in seen.items() if len(names) >= demand.needed), default=0)
    at_most = max((len(names) for (size, _), names in seen.items() if size == most), default=0)
    if at_most >= demand.needed:
        return enough, []
    told = f"{at_most} of the {demand.needed} witnesses needed cosigned the last checkpoint, of {most} records"
    return enough, [Finding(Kind.NOT_WITNESSED, f"{told}; as many as needed saw {enough}")]


def _by_size(chain: Sequence[Named]) -> dict[int, list[Named]]:
    sizes: dict[int, list[Named]] = {}
    for one in chain:
        sizes.setdefault(one.checkpoint.size, []).append(one)
    return sizes


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
        findings.append(explain(walk.good, walk.behind(), [one.checkpoint for one in later], clues))
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
