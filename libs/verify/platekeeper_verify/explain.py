"""Which one change turns an export into what was signed: the tree alone says only that it is not the one."""

from collections.abc import Iterator, Sequence

from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.merkle import Edge

MOST_TRIED = 512
"""Records in a stretch in which a single inserted record, or two neighbours in the wrong order, are looked for."""
MOST_MOVED = 48
"""Records in a stretch in which any two that changed places, or one that was moved, are looked for."""
_TELLING = (Kind.INSERTED, Kind.BACK_DATED, Kind.DROPPED, Kind.REORDERED)


def explain(before: Edge, hashes: Sequence[bytes], size: int, root: bytes, clues: Sequence[Finding]) -> Finding:
    """Why the tree of `size` leaves does not have the signed `root`.

    `before` is the largest tree that does fit, `hashes` the export's leaves behind it (one beyond `size`, if there is
    one), `clues` what is odd about them.
    """
    first, count = before.size, size - before.size
    if count <= MOST_TRIED:
        if len(hashes) > count and (place := _inserted(before, hashes[: count + 1], root)) is not None:
            return Finding(Kind.INSERTED, f"record {place}: without it the records up to {size - 1} are as signed")
        for order in _orders(count):
            if before.grown(hashes[n] for n in order).root == root:
                moved = [n for n, there in enumerate(order) if n != there]
                span = f"records {first + moved[0]} to {first + moved[-1]}"
                return Finding(Kind.REORDERED, f"{span}: in another order they are as signed")
    for kind in _TELLING:
        for clue in clues:
            if clue.kind is kind:
                return clue
    return Finding(Kind.CHANGED, f"records {first} to {size - 1}: at least one of them is not as signed")


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
