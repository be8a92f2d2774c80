"""The clause table: the 52 obligations A1 to J4 found in the five manuals and the statute, and where each is written.

Refusals, tests and the compliance matrix name clauses by these ids.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

FILE = "clauses.toml"
Strength = Literal["shall", "shall not", "will", "should", "may", "statement", "statute"]
"""How the manuals put it. `statement`: they say so without such a word; `statute`: no manual does, the law does."""
Need = Literal["enforced", "recorded"]
"""What the software does about it: refuses what breaks it, or records how it was followed."""


class ClauseError(ValueError):
    """The clause table cannot be used; `problems` names file, clause and all that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Clause:
    """One obligation.

    `sections` says, by profile name, which section of the manual holds it, or `statute` where the manual is silent and
    the statute binds the department all the same (in brackets: the manual mentions it and does not ask for it); a
    department without an entry is not bound. `strengths` holds the departments that put it differently from `strength`.
    """

    id: str
    title: str
    strength: Strength
    need: Need
    sections: Mapping[str, str]
    later: Sequence[str] = ()
    """What of it is not built yet, by name."""
    strengths: Mapping[str, Strength] = field(default_factory=dict)

    def strength_for(self, department: str) -> Strength:
        """How that department's manual puts it."""
        return self.strengths.get(department, self.strength)

    def source_for(self, department: str) -> Literal["manual", "statute"] | None:
        """Who binds the department: its manual, or the statute alone; None: nobody does."""
        section = self.sections.get(department)
        if section is None:
            return None
        return "statute" if section == "statute" or section.startswith("(") else "manual"


def load(path: Path) -> dict[str, Clause]:
    """The clauses in the file `path`, by id, in its order. Raises ClauseError with all that is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ClauseError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise ClauseError([f"{path}: is not TOML: {error}"]) from error
    if problems := [f"{path}: {what}" for clause_id, entry in data.items() for what in _faults(clause_id, entry)]:
        raise ClauseError(problems)
    return {clause_id: Clause(id=clause_id, **entry) for clause_id, entry in data.items()}


def _faults(clause_id: str, entry: Any) -> list[str]:
    """What is wrong with one clause of the file, each fault after its dotted key."""
    if not re.fullmatch(r"[A-J][1-9][0-9]?", clause_id) or not isinstance(entry, dict):
        return [f"{clause_id}: is no clause"]
    wanted = {"title", "strength", "need", "sections"}
    faults = [f"{clause_id}.{key}: this entry is missing" for key in sorted(wanted - entry.keys())]
    faults += [f"{clause_id}.{key}: no such entry" for key in sorted(entry.keys() - wanted - {"strengths", "later"})]
    if not isinstance(entry.get("title", "-"), str):
        faults.append(f"{clause_id}.title: must be a text")
    if entry.get("strength", "may") not in get_args(Strength):
        faults.append(f"{clause_id}.strength: must be one of {', '.join(get_args(Strength))}")
    if entry.get("need", "enforced") not in get_args(Need):
        faults.append(f"{clause_id}.need: must be one of {', '.join(get_args(Need))}")
    later = entry.get("later", [])
    if not isinstance(later, list) or not all(isinstance(name, str) and name for name in later):
        faults.append(f"{clause_id}.later: must hold names")
    for name in ("sections", "strengths"):
        places = entry.get(name, {})
        if not isinstance(places, dict):
            faults.append(f"{clause_id}.{name}: must name departments")
            continue
        allowed = get_args(Strength) if name == "strengths" else None
        faults += [
            f"{clause_id}.{name}.{department}: is not allowed"
            for department, value in places.items()
            if not isinstance(value, str) or not value or (allowed is not None and value not in allowed)
        ]
    return faults
