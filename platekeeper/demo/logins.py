"""The demonstration's secrets: made at random, kept in one file that only its owner reads."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "demo-logins"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demonstration, who exists nowhere else."""

    username: str
    name: str
    title: str
    roles: tuple[str, ...]
    password: str


@dataclass(frozen=True, slots=True)
class Logins:
    """Everything that logs in to the demonstration agency."""

    agency_id: str
    people: tuple[Person, ...]
    device_id: str
    device_secret: str
    cameras: tuple[str, ...]

    def person(self, username: str) -> Person:
        """The person with that username. Raises LookupError."""
        return next(person for person in self.people if person.username == username)


def invent() -> tuple[Person, ...]:
    """The people, each with a fresh random password."""
    cast = (
        ("demo-administrator", "Alex Demo", "Administrative Services Division Commander", ("administrator",)),
        ("demo-sergeant", "Sam Demo", "Training Sergeant", ("trainer",)),
        ("demo-officer", "Olive Demo", "Officer", ("officer",)),
        ("demo-recruit", "Rudy Demo", "Officer", ("officer",)),
        ("demo-investigator", "Ines Demo", "Detective", ("investigator",)),
    )
    return tuple(Person(*row, password=secrets.token_urlsafe(18)) for row in cast)


def save(var: Path, logins: Logins) -> None:
    """Write the file (mode 0600) whole or not at all."""
    part = var / f".{FILE}.part"
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(logins), file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(var / FILE)


def read(var: Path) -> Logins | None:
    """What the file says; None when the demonstration has not been loaded."""
    path = var / FILE
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    people = tuple(Person(**{**person, "roles": tuple(person["roles"])}) for person in told["people"])
    return Logins(**{**told, "people": people, "cameras": tuple(told["cameras"])})
