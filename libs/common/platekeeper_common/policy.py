"""Policy profiles: what a department's manual asks, as data.

A profile is one TOML file. Its head says whose it is; every other section belongs to one model, which its owner
declares in its `policy.py`: a service, or `shared_policy` where several services enforce it. No key has a default: a
setting that nobody wrote down is a policy that nobody decided.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import rfc8785
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from platekeeper_common import clauses
from platekeeper_common.lines import readable

HEAD = "profile"
"""The section that says whose policy the file holds."""
UNSAFE = "must be a finite number, and a whole one between -(2**53 - 1) and 2**53 - 1"


class PolicySection(BaseModel):
    """One section of a profile: every key required, none unknown, types exact, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=PolicySection)
Item = TypeVar("Item")


def _as_tuple(value: object) -> object:
    if isinstance(value, list | tuple) and (not value or any(item in value[:i] for i, item in enumerate(value))):
        raise ValueError("must hold at least one item, and none twice")
    return tuple(value) if isinstance(value, list) else value


def none_when(word: str) -> BeforeValidator:
    """For a field that may be None: `word` says so in the file, because TOML has no null and no key may be missing."""
    return BeforeValidator(lambda value: None if value == word else value)


Several = Annotated[tuple[Item, ...], BeforeValidator(_as_tuple)]
"""A field of one or more items, none twice, in the file's order."""
Title = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$"), AfterValidator(readable)
]
"""A post, a document or an authority, as the department calls it."""
Code = Annotated[str, StringConstraints(max_length=50, pattern=r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$")]
"""A short lower-case word that stands in records for ever."""


class Head(PolicySection):
    """Whose policy this is. `name` is the file's own name; `manual` and `section` say where its text is found."""

    name: Code
    title: Title
    department: Title
    manual: Title
    section: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?$")]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file of a policy folder. `key` is dotted; empty when the file as a whole is meant."""

    file: Path
    key: str
    what: str

    def __str__(self) -> str:
        """One line: file, key, what is wrong."""
        return ": ".join(part for part in (str(self.file), self.key, self.what) if part)


class PolicyError(ValueError):
    """A policy cannot be used; `problems` names all that is wrong with it, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Profile:
    """One department's policy. `version` changes with any value of the file, never with comments or order."""

    head: Head
    version: str
    sections: Mapping[type[PolicySection], PolicySection]
    document: Mapping[str, Any] = field(default_factory=dict)
    """The file's own values, by section and key: for who shows, compares or cites settings of any section."""

    @property
    def name(self) -> str:
        """The name that agencies are registered with."""
        return self.head.name

    def section(self, model: type[Model]) -> Model:
        """The section of this model. Raises LookupError when the profile was loaded without it."""
        section = self.sections.get(model)
        if isinstance(section, model):
            return section
        raise LookupError(f"the profile {self.name} was loaded without a section of {model.__name__}")


Sections = Mapping[str, type[PolicySection]]
"""Section names and their models, as a service declares them."""


def merge(*owned: Sections) -> dict[str, type[PolicySection]]:
    """All services' sections in one mapping. Raises ValueError when a name has two models or a model two names."""
    merged: dict[str, type[PolicySection]] = {HEAD: Head}
    for sections in owned:
        for name, model in sections.items():
            if merged.setdefault(name, model) is not model:
                raise ValueError(f"two models claim the policy section [{name}]")
    if len(set(merged.values())) < len(merged):
        raise ValueError("one model claims two policy sections")
    return merged


def load(path: Path, sections: Sections) -> Profile:
    """The profile in the file `path`, each section checked by its model.

    Raises PolicyError with every unknown or missing section and key and every wrong value of the file.
    """
    return understood(_parse(path), sections, path)


def understood(data: dict[str, Any], sections: Sections, path: Path) -> Profile:
    """The profile that `data` says, as `load` has it; `path` is, or would be, its file."""
    models = merge(sections)
    loaded: dict[type[PolicySection], PolicySection] = {}
    problems = [Problem(path, name, "no part of the platform has this section") for name in data if name not in models]
    for name, model in models.items():
        try:
            if name in data:
                loaded[model] = model.model_validate(data[name])
            else:
                problems.append(Problem(path, name, "this section is missing"))
        except ValidationError as error:
            problems += [Problem(path, _dotted(name, detail["loc"]), _what(detail)) for detail in error.errors()]
    named = {problem.key.partition("[")[0] for problem in problems}
    problems += [Problem(path, key, UNSAFE) for key in _unsafe(data) if key not in named]
    head = loaded.get(Head)
    if isinstance(head, Head) and head.name != path.stem:
        problems.append(Problem(path, f"{HEAD}.name", f'must be the file\'s own name, "{path.stem}"'))
    if problems or not isinstance(head, Head):
        raise PolicyError(problems)
    return Profile(head, f"{head.name}-{_digest(data)}", loaded, data)


def parsed(text: str, path: Path) -> dict[str, Any]:
    """What a profile's TOML says, unchecked. Raises PolicyError."""
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise PolicyError([Problem(path, "", f"is not TOML: {error}")]) from error


def load_folder(folder: Path, sections: Sections) -> dict[str, Profile]:
    """The profiles of `folder` (its *.toml but for the clause table) by name.

    Raises PolicyError with the problems of all files; a folder without a profile is one.
    """
    profiles: dict[str, Profile] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.toml")):
        if path.name == clauses.FILE:
            continue
        try:
            profiles[path.stem] = load(path, sections)
        except PolicyError as error:
            problems += error.problems
    if not profiles and not problems:
        problems.append(Problem(folder, "", "no policy profile here"))
    if problems:
        raise PolicyError(problems)
    return profiles


def check(folder: Path, sections: Sections) -> list[str]:
    """What is wrong in a policy folder, its clause table included, a line each; nothing when all can be used."""
    problems: list[str] = []
    try:
        load_folder(folder, sections)
    except PolicyError as error:
        problems += map(str, error.problems)
    try:
        columns = {column for clause in clauses.load(folder / clauses.FILE).values() for column in clause.sections}
    except clauses.ClauseError as error:
        return [*problems, *error.problems]
    profiles = {path.stem for path in folder.glob("*.toml")} - {Path(clauses.FILE).stem}
    problems += [f"{folder / clauses.FILE}: no profile {name}.toml" for name in sorted(columns - profiles)]
    return problems


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError([Problem(path, "", f"is not TOML: {error}")]) from error
    except OSError as error:
        raise PolicyError([Problem(path, "", f"cannot be read: {error.strerror}")]) from error
    return parsed(text, path)


def _digest(data: dict[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(data)).hexdigest()[:12]


def _unsafe(data: Mapping[str, Any]) -> Iterator[str]:
    """The dotted keys of numbers that a version cannot be made of (RFC 8785 takes what IEEE 754 doubles hold)."""
    for section, keys in data.items():
        for key, value in keys.items() if isinstance(keys, Mapping) else ():
            try:
                rfc8785.dumps(value)
            except (rfc8785.IntegerDomainError, rfc8785.FloatDomainError):
                yield f"{section}.{key}"
            except rfc8785.CanonicalizationError:
                pass  # of another kind than a setting has: its model says so


def _dotted(section: str, loc: tuple[int | str, ...]) -> str:
    return section + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)


def _what(detail: Any) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return "no such setting"
        case "missing":
            return "this setting is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            return str(detail["msg"])
