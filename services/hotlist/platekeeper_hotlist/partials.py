"""Plates with wildcards, sorted so that one walk along a plate finds every one that means it (clause A7).

Patterns that begin alike share the nodes of a tree, so a read costs steps for those beginnings that its own characters
allow, not one comparison a pattern.
"""

from dataclasses import dataclass, field

from platekeeper_common.events.hotlist import ListedEntry
from platekeeper_common.ids import EntryId

ONE, ANY = "?", "*"


@dataclass(slots=True, eq=False)
class _Node:
    """What may follow a beginning, by the next character of the pattern, and the entries that end here."""

    following: dict[str, "_Node"] = field(default_factory=dict)
    entries: dict[EntryId, ListedEntry] = field(default_factory=dict)
    repeats: bool = False
    """Behind a `*`: any character leads here again."""


class Partials:
    """One agency's entries whose plates hold wildcards, written as `patterns.parse` writes them."""

    def __init__(self) -> None:
        """None yet."""
        self._root = _Node()
        self._count = 0

    def __len__(self) -> int:
        """How many entries there are."""
        return self._count

    def put(self, entry: ListedEntry) -> None:
        """Take in an entry that is not here yet."""
        node = self._root
        for character in entry.plate:
            node = node.following.setdefault(character, _Node(repeats=character == ANY))
        node.entries[entry.id] = entry
        self._count += 1

    def drop(self, entry: ListedEntry) -> None:
        """Forget an entry that is here."""
        way = [self._root]
        for character in entry.plate:
            way.append(way[-1].following[character])
        del way[-1].entries[entry.id]
        self._count -= 1
        for character, node, before in zip(entry.plate[::-1], way[:0:-1], way[-2::-1], strict=True):
            if node.following or node.entries:
                break
            del before.following[character]

    def meaning(self, plate: str) -> list[ListedEntry]:
        """The entries that mean this normalised plate, each once."""
        reached = _reached([self._root])
        for character in plate:
            steps = [node for node in reached if node.repeats]
            for step in (character, ONE):
                steps += [following for node in reached if (following := node.following.get(step)) is not None]
            if not steps:
                return []
            reached = _reached(steps)
        return [entry for node in reached for entry in node.entries.values()]


def _reached(steps: list[_Node]) -> set[_Node]:
    """The nodes, and those behind a `*` that stands for nothing."""
    return {*steps, *(star for node in steps if (star := node.following.get(ANY)) is not None)}
