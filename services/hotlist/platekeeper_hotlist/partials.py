"""Plates with wildcards, sorted so that one walk along a plate finds every one that means it (clause A7).

Patterns that begin alike share the nodes of a tree. Where a walk stands after some characters is a set of its nodes,
and where it goes from there is remembered: a read mostly costs one look-up a character, not one comparison a pattern.
"""

from dataclasses import dataclass, field

from platekeeper_common.events.hotlist import ListedEntry
from platekeeper_common.ids import EntryId

ONE, ANY = "?", "*"
MOST_REMEMBERED = 20_000
"""Standings that one agency's walks remember, until its entries change; further ones are worked out each time."""


@dataclass(slots=True, eq=False)
class _Node:
    """What may follow a beginning, by the next character of the pattern, and the entries that end here."""

    following: dict[str, "_Node"] = field(default_factory=dict)
    entries: dict[EntryId, ListedEntry] = field(default_factory=dict)
    repeats: bool = False
    """Behind a `*`: any character leads here again."""


@dataclass(slots=True, eq=False)
class _Standing:
    """The nodes that the characters so far may lead to, and where further characters led before."""

    nodes: frozenset[_Node]
    entries: tuple[ListedEntry, ...]
    following: dict[str, "_Standing"] = field(default_factory=dict)


class Partials:
    """One agency's entries whose plates hold wildcards, written as `patterns.parse` writes them."""

    def __init__(self) -> None:
        """None yet."""
        self._root = _Node()
        self._count = 0
        self._start: _Standing | None = None
        self._standings: dict[frozenset[_Node], _Standing] = {}

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
        self._forget()

    def drop(self, entry: ListedEntry) -> None:
        """Forget an entry that is here."""
        way = [self._root]
        for character in entry.plate:
            way.append(way[-1].following[character])
        del way[-1].entries[entry.id]
        for character, node, before in zip(entry.plate[::-1], way[:0:-1], way[-2::-1], strict=True):
            if node.following or node.entries:
                break
            del before.following[character]
        self._count -= 1
        self._forget()

    def meaning(self, plate: str) -> tuple[ListedEntry, ...]:
        """The entries that mean this normalised plate, each once."""
        standing = self._start or self._standing([self._root])
        self._start = standing
        for character in plate:
            standing = standing.following.get(character) or self._step(standing, character)
        return standing.entries

    def _forget(self) -> None:
        self._start = None
        self._standings.clear()

    def _step(self, standing: _Standing, character: str) -> _Standing:
        reached = [node for node in standing.nodes if node.repeats]
        for step in (character, ONE):
            reached += [following for node in standing.nodes if (following := node.following.get(step)) is not None]
        further = self._standing(reached)
        if further.nodes in self._standings:
            standing.following[character] = further
        return further

    def _standing(self, reached: list[_Node]) -> _Standing:
        """The one standing of these nodes and of those behind a `*` that stands for nothing."""
        nodes = frozenset([*reached, *(star for node in reached if (star := node.following.get(ANY)) is not None)])
        if (standing := self._standings.get(nodes)) is None:
            entries = tuple(entry for node in nodes for entry in node.entries.values())
            standing = _Standing(nodes, entries)
            if len(self._standings) < MOST_REMEMBERED:
                self._standings[nodes] = standing
        return standing
