"""The Merkle tree hash and its proofs (RFC 9162 2.1): which parts of the tree a proof is made of, and how they join.

Pure: a `Span` names leaves, a `Node` a complete subtree. Whoever has the hashes (`tree.py`) joins them with `joined`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

NODE = b"\x01"
"""What sets the hash of a node apart from that of a leaf (RFC 9162 2.1.1)."""
EMPTY = hashlib.sha256().digest()
"""The root of a tree without leaves."""


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves `start` <= index < `end`; `start` is a multiple of the largest power of two in their number."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Node:
    """The complete subtree over the 2**`level` leaves from `index` * 2**`level`."""

    level: int
    index: int


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(NODE + left + right).digest()


def complete(hashes: Sequence[bytes]) -> bytes:
    """The root over as many hashes of alike subtrees as a power of two says."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[n], hashes[n + 1]) for n in range(0, len(hashes), 2)]
    return hashes[0]


def joined(hashes: Sequence[bytes]) -> bytes:
    """The root over the complete subtrees that `cover` a span, left to right; at least one."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def cover(span: Span) -> list[Node]:
    """The complete subtrees that make up the span, left to right, each smaller than the one before."""
    nodes, start = [], span.start
    while start < span.end:
        level = (span.end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def subtrees(start: int, end: int) -> list[Node]:
    """The complete subtrees over the leaves `start` <= index < `end`, left to right, whatever their number."""
    nodes = []
    while start < end:
        widest = (end - start).bit_length() - 1
        level = widest if start == 0 else min(widest, (start & -start).bit_length() - 1)
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_path(index: int, size: int) -> list[Span]:
    """The parts of the inclusion proof of leaf `index` in the tree of `size` leaves, from the leaf upwards (2.1.3.1).

    Raises ValueError when the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in this tree")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int) -> list[Span]:
    """The parts of the proof that the tree of `new` leaves continues that of `old` (2.1.4.1).

    Raises ValueError unless 0 < `old` <= `new`.
    """
    if not 0 < old <= new:
        raise ValueError("a tree continues one that is not empty and not larger")
    start, end, path = 0, new, []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start = middle
    if start:
        path.append(Span(start, end))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)
