"""What the frames of one pass say together about its plate.

Each frame spreads one vote of probability over texts. Votes are pooled text by text as the mean of their logarithms
(the product rule of Kittler et al., "On combining classifiers", IEEE PAMI 20(3), 1998), not character by character: a
reader's candidates are whole plates whose characters hang together, and two frames that each lost another character do
not line up. The product rule takes the votes for independent, which frames of one car, one lens and one light are not:
the same smear is misread alike ten times. So n frames weigh as n / (1 + (n - 1) r) independent ones do (Kish's design
effect, "Survey Sampling", 1965) with r = 0.5: at most as two. However many frames agree, the confidence so never says
more than two independent looks could; one frame's confidence stays what it is.
"""

from collections.abc import Sequence
from datetime import datetime
from math import exp, log

from msgspec import Struct
from msgspec.structs import replace

from platekeeper_common.events.recognition import Candidate

MOST_CANDIDATES = 10
_MOST_KEPT = 20
"""Texts whose votes are remembered: twice as many as are told, so that one may still come up."""
_ALIKE = 0.5
"""How alike what two frames of one pass say is, 0..1; ours, not measured."""
_LEAST_LEFT = 0.01
"""What a frame leaves at least to all that it does not name: it may be wrong altogether."""
_SHARE_LEFT = 0.1
"""How much of what is left one text has that the frame does not name, but another does."""
_LEAST = 1e-4


class Name(Struct, frozen=True, gc=False):
    """A text and its votes."""

    plate: str
    first: int
    """Frames in which it was the most likely."""
    gained: float
    """Sum over the frames that named it: the logarithm of its confidence, above that of a text not named there."""
    beside: float = 0.0
    """Sum of its confidences in frames in which another was the most likely."""
    since: datetime | None = None
    """Capture of the earliest frame in which it was the most likely; None: in none, or kept by an older version."""
    until: datetime | None = None
    """Of the latest."""


class Votes(Struct, frozen=True, gc=False):
    """The votes of some frames; their sums only."""

    frames: int = 0
    unnamed: float = 0.0
    """Sum of the logarithms of what each frame leaves to one text that it does not name."""
    left: float = 0.0
    """The same, of what it leaves to all of them."""
    names: tuple[Name, ...] = ()


def counted(votes: Votes, candidates: Sequence[Candidate], at: datetime) -> Votes:
    """The votes with those of one more frame, captured `at`: its candidates, most likely first, at least one."""
    left = max(1.0 - sum(candidate.confidence for candidate in candidates), _LEAST_LEFT)
    unnamed = log(left * _SHARE_LEFT)
    names = {name.plate: name for name in votes.names}
    for place, candidate in enumerate(candidates):
        before = names.get(candidate.plate, Name(candidate.plate, 0, 0.0))
        gained = before.gained + log(max(candidate.confidence, _LEAST)) - unnamed
        named = replace(before, gained=gained)
        if place:
            named = replace(named, beside=before.beside + candidate.confidence)
        else:
            since, until = min(before.since or at, at), max(before.until or at, at)
            named = replace(named, first=before.first + 1, since=since, until=until)
        names[candidate.plate] = named
    kept = sorted(names.values(), key=lambda name: (-name.gained, name.plate))[:_MOST_KEPT]
    return Votes(votes.frames + 1, votes.unnamed + unnamed, votes.left + log(left), tuple(kept))


def standing(votes: Votes) -> tuple[Candidate, ...]:
    """What the plate may be by all votes of at least one frame, most likely first, up to ten, each with its votes."""
    weight = 1 / (1 + (votes.frames - 1) * _ALIKE)
    scores = {name: exp(weight * (votes.unnamed + name.gained)) for name in votes.names}
    total = 1.0 if votes.frames == 1 else sum(scores.values()) + exp(weight * votes.left)
    ranked = [
        Candidate(name.plate, round(min(score / total, 1.0), 4), name.first)
        for name, score in sorted(scores.items(), key=lambda item: (-item[1], item[0].plate))
    ]
    return tuple(one for place, one in enumerate(ranked[:MOST_CANDIDATES]) if place == 0 or one.confidence >= _LEAST)


def likely(votes: Votes, best: Candidate) -> dict[str, float]:
    """How likely the frames that show the vehicle of `best` (which stands) took each text for: 0..1 each.

    Others than `best` have the mean of what they had where another was the most likely. A text that had frames of its
    own alone has nothing: those may show another vehicle.
    """
    found = {name.plate: name.beside / (votes.frames - name.first) for name in votes.names if name.first < votes.frames}
    return found | {best.plate: best.confidence}
