"""Merkle tree hashes and their proofs, as RFC 9162 2.1 verifies them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY = hashlib.sha256().digest()
HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree that grows by leaves: the roots of its full subtrees, largest first."""

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def grown(self, leaf_hashes: Iterable[bytes]) -> "Edge":
        """The edge after these leaves."""
        size, roots = self.size, list(self.roots)
        for hashed in leaf_hashes:
            roots.append(hashed)
            below = size
            while below & 1:
                right = roots.pop()
                roots.append(node_hash(roots.pop(), right))
                below >>= 1
            size += 1
        return Edge(size, tuple(roots))

    def extended(self, nodes: Iterable[tuple[int, bytes]]) -> "Edge":
        """The edge after these full subtrees, each as its level (2**level leaves) and its root, left to right.

        Raises ValueError when one cannot stand where the tree ends.
        """
        size, roots = self.size, list(self.roots)
        for level, hashed in nodes:
            if not 0 <= level < 64 or size % (1 << level):
                raise ValueError(f"no full subtree of 2**{level} leaves begins at {size}")
            roots.append(hashed)
            below = size >> level
            while below & 1:
                right = roots.pop()
                roots.append(node_hash(roots.pop(), right))
                below >>= 1
            size += 1 << level
        return Edge(size, tuple(roots))

    @property
    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self.roots:
            return EMPTY
        whole = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            whole = node_hash(left, whole)
        return whole


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The hash of the tree of these leaves."""
    return Edge().grown(leaf_hashes).root


def full_subtrees(start: int, leaf_hashes: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """The full subtrees over these leaves from the `start`-th of the tree on, left to right: level and root."""
    found: list[tuple[int, bytes]] = []
    for place, hashed in enumerate(leaf_hashes, start):
        level, below, node = 0, place, hashed
        while below & 1 and found and found[-1][0] == level:
            node = node_hash(found.pop()[1], node)
            below >>= 1
            level += 1
        found.append((level, node))
    return found


def includes(hashed: bytes, index: int, size: int, path: Sequence[bytes], tree_root: bytes) -> bool:
    """Whether `path` proves that the leaf with this hash is the `index`-th of the tree (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, result = index, size - 1, hashed
    for part in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(part, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, part)
        node, last = node >> 1, last >> 1
    return last == 0 and result == tree_root


def continues(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `path` proves that the tree of `new` leaves begins with that of `old` (RFC 9162 2.1.4.2).

    Every tree continues the empty one; of that the path is empty.
    """
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not path and (old_root == EMPTY if old == 0 else old_root == new_root)
    parts = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not parts:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(part, first), node_hash(part, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, part)
        node, last = node >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, new_root)
