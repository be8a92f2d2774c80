"""Which one change turns an export into what was signed: the tree alone says only that it is not the one."""

from collections.abc import Iterator, Sequence

from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.merkle import Edge
from platekeeper_verify.notes import Checkpoint

MOST_TRIED = 512
"""Records in a stretch in which a single inserted record, or two neighbours in the wrong order, are looked for."""
MOST_MOVED = 48
"""Records in a stretch in which any two that changed places, or one that was moved, are looked for."""
_TELLING = (Kind.INSERTED, Kind.BACK_DATED, Kind.DROPPED, Kind.REORDERED)


def explain(before: Edge, hashes: Sequence[bytes], misfits: Sequence[Checkpoint], clues: Sequence[Finding]) -> Finding:
    """Why the export does not have the roots of `misfits`, which are larger than the tree `before` that still fits.

    `hashes` are the export's leaves behind `before`, `clues` what is odd about those up to the first misfit.
    """
    first = misfits[0]
    for misfit in (misfits[-1], first):
        if (found := _one_change(before, hashes, misfit)) is not None:
            return found
    for kind in _TELLING:
        for clue in clues:
            if clue.kind is kind:
                return clue
    span = f"records {before.size} to {first.size - 1}"
    return Finding(Kind.CHANGED, f"{span}: at least one of them is not as signed")


def _one_change(before: Edge, hashes: Sequence[bytes], signed: Checkpoint) -> Finding | None:
    """The record without which, or the order in which, the export is as signed."""
    count = signed.size - before.size
    if not count <= min(MOST_TRIED, len(hashes)):
        return None
    if len(hashes) > count and (place := _inserted(before, hashes[: count + 1], signed.root)) is not None:
        return Finding(Kind.INSERTED, f"record {place}: without it the records up to {signed.size - 1} are as signed")
    for order in _orders(count):
        if before.grown(hashes[n] for n in order).root == signed.root:
            moved = [before.size + n for n, there in enumerate(order) if n != there]
            return Finding(Kind.REORDERED, f"records {moved[0]} to {moved[-1]}: in another order they are as signed")
    return None


def _inserted(before: Edge, hashes: Sequence[bytes], root: bytes) -> int | None:
    """The place of the one leaf without which the tree is as signed."""
    edge = before
    for n, hashed in enumerate(hashes):
        if edge.grown(hashes[n + 1 :]).root == root:
            return before.size + n
        edge = edge.grown([hashed])
    return None


def _orders(count: int) -> Iterator[list[int]]:
    """Orders that one exchange or one move leads to, each as the old places."""
    near = count > MOST_MOVED
    for left in range(count - 1):
        for right in range(left + 1, left + 2 if near else count):
            order = list(range(count))
            order[left], order[right] = order[right], order[left]
            yield order
            if right > left + 1:
                rest = [n for n in range(count) if n not in (left, right)]
                yield [*rest[:left], right, left, *rest[left:]]
                yield [*rest[:left], *range(left + 1, right + 1), left, *rest[right - 1 :]]
