"""Checkpoints, proofs and leaves for those who audit: each look at them is recorded."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from platekeeper_access_audit.ledger import merkle, panel, storage, tree
from platekeeper_access_audit.ledger.completeness import Whole
from platekeeper_access_audit.ledger.domain import Selection
from platekeeper_access_audit.ledger.handlers import own_agency
from platekeeper_access_audit.ledger.merkle import Node, Span
from platekeeper_access_audit.ledger.panel import Cosignature
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.tree import Leaf, Signed
from platekeeper_access_audit.ledger.witnesses import storage as witnesses
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Database, Tx
from platekeeper_common.errors import Invalid, NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.service import Room

LEAVES_PAGE = 500


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Leaf `index` is in the tree of `size` leaves, whose root is `root`: the path leads there from its hash."""

    index: int
    size: int
    leaf_hash: bytes
    path: Sequence[bytes]
    root: bytes


@dataclass(frozen=True, slots=True)
class Consistency:
    """The tree of `new` leaves begins with the tree of `old` leaves."""

    old: int
    new: int
    path: Sequence[bytes]
    old_root: bytes
    new_root: bytes


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint and what witnesses said of it."""

    signed: Signed
    cosignatures: Sequence[Cosignature]

    @property
    def note(self) -> str:
        """The signed note with the lines of the witnesses."""
        return panel.cosigned(self.signed.note, self.cosignatures)


async def latest(tx: Tx, here: Room, by: Caller, *, place: Place) -> Witnessed:
    """The last checkpoint. Raises NotFound `checkpoint_unknown` before the first."""
    signed = await _latest(tx)
    _recorded(tx, here, by, Action.CHECKPOINT_VIEW, "checkpoint", str(signed.number), place)
    return (await _witnessed(tx, [signed]))[0]


async def checkpoints(
    tx: Tx, here: Room, by: Caller, *, before: int | None, limit: int, place: Place
) -> Sequence[Witnessed]:
    """Checkpoints, newest first, below the number `before`."""
    found = await tree.signed(tx, before=before, limit=limit)
    shown = f"{found[-1].number}-{found[0].number}" if found else "none"
    _recorded(tx, here, by, Action.CHECKPOINT_VIEW, "checkpoints", shown, place)
    return await _witnessed(tx, found)


async def _witnessed(tx: Tx, found: Sequence[Signed]) -> list[Witnessed]:
    said = await witnesses.of(tx, [signed.number for signed in found])
    return [Witnessed(signed, said[signed.number]) for signed in found]


async def inclusion(
    tx: Tx, here: Room, by: Caller, *, record_id: str | None, index: int | None, size: int | None, place: Place
) -> Inclusion:
    """The proof for the agency's record, or for a leaf by its index, in a tree that has been signed."""
    size = await _signed_size(tx, size)
    if record_id is not None:
        index = await tree.index_of(tx, own_agency(by), record_id)
        if index is None:
            raise NotFound("no such access record", code="access_record_unknown")
    if index is None or not index < size:
        raise Invalid(f"the tree of {size} records does not hold this one", code="leaf_unknown")
    path = [await tree.span_hash(tx, span) for span in merkle.inclusion_path(index, size)]
    proof = Inclusion(index, size, await tree.leaf(tx, index), path, await tree.root(tx, size))
    _recorded(tx, here, by, Action.RECORDS_PROVE, "inclusion_proof", f"{index} in {size}", place)
    return proof


async def consistency(tx: Tx, here: Room, by: Caller, *, old: int, new: int | None, place: Place) -> Consistency:
    """The proof that a tree that has been signed continues an earlier one."""
    new = await _signed_size(tx, new)
    if old > new:
        raise Invalid("`from` must not be above `to`", code="sizes_reversed")
    path = [await tree.span_hash(tx, span) for span in merkle.consistency_path(old, new)]
    proof = Consistency(old, new, path, await tree.root(tx, old), await tree.root(tx, new))
    _recorded(tx, here, by, Action.RECORDS_PROVE, "consistency_proof", f"{old} to {new}", place)
    return proof


@dataclass(frozen=True, slots=True)
class Beside:
    """The subtrees beside the leaves `start` <= index < `end` of the tree of `size` leaves, each with its root."""

    start: int
    end: int
    size: int
    left: Sequence[tuple[Node, bytes]]
    right: Sequence[tuple[Node, bytes]]
    root: bytes


async def beside(tx: Tx, here: Room, by: Caller, *, start: int, end: int, size: int | None, place: Place) -> Beside:
    """What proves that a run of leaves stands in a signed tree, without the others' leaves.

    Raises Invalid `leaf_unknown` when the tree does not reach so far.
    """
    size = await _signed_size(tx, size)
    _demand_within(start, end, size)
    left = [(node, await tree.node_hash(tx, node)) for node in merkle.subtrees(0, start)]
    right = [(node, await tree.node_hash(tx, node)) for node in merkle.subtrees(end, size)]
    proof = Beside(start, end, size, left, right, await tree.root(tx, size))
    _recorded(tx, here, by, Action.RECORDS_PROVE, "range_proof", f"{start}-{end} in {size}", place)
    return proof


async def period(
    tx: Tx, here: LedgerRoom, by: Caller, selection: Selection, *, size: int | None, place: Place
) -> Whole:
    """All that the caller's agency has of a period in a signed tree."""
    assert selection.start is not None  # noqa: S101 - the document demands both
    assert selection.end is not None  # noqa: S101
    size = await _signed_size(tx, size)
    positions = await storage.positions(tx, selection, below=size)
    root = await tree.root(tx, size)
    _recorded(tx, here, by, Action.RECORDS_PROVE, "period_proof", f"{selection.described()} in {size}", place)
    return Whole(here.origin, selection.agency_id, selection.start, selection.end, size, root, positions)


async def begin_leaves(
    tx: Tx, here: Room, by: Caller, *, start: int, end: int | None, size: int | None, place: Place
) -> Span:
    """Leave the record of an export of leaves of the tree of `size` (None: the last signed); which they are.

    Raises Invalid `leaf_unknown` when the tree does not reach so far.
    """
    size = await _signed_size(tx, size)
    span = Span(start, size if end is None else end)
    _demand_within(span.start, span.end, size)
    _recorded(tx, here, by, Action.RECORDS_PROVE, "access_record_leaves", f"{span.start}-{span.end}", place)
    return span


async def leaves(db: Database, agency_id: AgencyId, span: Span) -> AsyncIterator[Leaf]:
    """The leaves of the span in order, those of the agency's own records with their content, read page by page."""
    for start in range(span.start, span.end, LEAVES_PAGE):
        async with db.tx() as tx:
            page = await tree.leaves(tx, Span(start, min(span.end, start + LEAVES_PAGE)), agency_id)
        for leaf in page:
            yield leaf


async def _latest(tx: Tx) -> Signed:
    signed = await tree.latest(tx)
    if signed is None:
        raise NotFound("no checkpoint has been signed yet", code="checkpoint_unknown")
    return signed


async def _signed_size(tx: Tx, size: int | None) -> int:
    """The size asked for, or the last signed. Raises Invalid `size_not_signed` for one that is beyond it."""
    most = (await _latest(tx)).size
    if size is not None and size > most:
        raise Invalid(f"so far {most} records are signed", code="size_not_signed")
    return most if size is None else size


def _demand_within(start: int, end: int, size: int) -> None:
    if not start <= end <= size:
        raise Invalid(f"`start` to `end` must lie within the {size} records of the tree", code="leaf_unknown")


def _recorded(tx: Tx, here: Room, by: Caller, action: Action, object_type: str, object_id: str, place: Place) -> None:
    tx.emit(here.recorder.administration(by, action, object_type, object_id, place))
