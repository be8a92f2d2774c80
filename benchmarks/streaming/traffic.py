"""The reads that are posted, prepared before the clock runs: a client that shares the cores must be cheap.

A body holds the reads of one camera, each with a moment of its own. What differs each time that it is posted is put in
at the same length: the second of capture, which makes the ids of its reads new ones, and one listed plate that nobody
saw before.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
SEED = 20261122
CAPTURED = b"2000-01-01T00:00:00"
LISTED = b"7ZZZ999"
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Body:
    """The reads of one camera, whose device posts them."""

    device: int
    """Place in the list of devices."""
    text: bytes

    def at(self, moment: datetime, listed: str) -> bytes:
        """The body of reads captured in the second before that moment, one of them of a listed plate."""
        captured = f"{moment - SECOND:%Y-%m-%dT%H:%M:%S}".encode()
        return self.text.replace(CAPTURED, captured).replace(LISTED, listed.encode())


def plates() -> Iterator[str]:
    """Plates in no order, each once."""
    dice = random.Random(SEED)  # noqa: S311 - the same plates in every run
    given: set[int] = {_number(LISTED.decode())}
    most = 9 * 23**3 * 1000
    while True:
        number = dice.randrange(most)
        if number not in given:
            given.add(number)
            yield _plate(number)


def bodies(cameras: Sequence[tuple[int, str]], count: int, reads: int, plate: Iterator[str]) -> list[Body]:
    """So many bodies of so many reads; `cameras` are the places of their devices, and their ids."""
    dice = random.Random(SEED)  # noqa: S311
    made = []
    for number in range(count):
        device, camera = cameras[number % len(cameras)]
        shown = [LISTED.decode(), *(next(plate) for _ in range(reads - 1))]
        dice.shuffle(shown)
        each = [_read(dice, f"{number}-{place}", camera, text) for place, text in enumerate(shown)]
        made.append(Body(device, json.dumps(each, separators=(",", ":")).encode()))
    return made


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def _read(dice: random.Random, read_id: str, camera: str, plate: str) -> dict[str, Any]:
    confidence = round(dice.uniform(0.8, 0.99), 4)
    return {
        "read_id": read_id,
        "camera_id": camera,
        "plate": plate,
        "confidence": confidence,
        "captured_at": f"{CAPTURED.decode()}.{dice.randrange(10**6):06}+00:00",
        "state": "CA",
        "candidates": [
            {"plate": plate, "confidence": confidence},
            {"plate": plate[:-1] + dice.choice("ABCDEFGHJK"), "confidence": round(1 - confidence, 4)},
        ],
        "box": {"x": dice.randrange(800), "y": dice.randrange(400), "width": 120, "height": 44},
        "model": {"name": "roadside", "version": "4.1", "checksum": "ab" * 32},
    }


def _plate(number: int) -> str:
    rest, digits = divmod(number, 1000)
    rest, third = divmod(rest, 23)
    rest, second = divmod(rest, 23)
    first_digit, first = divmod(rest, 23)
    return f"{first_digit + 1}{LETTERS[first]}{LETTERS[second]}{LETTERS[third]}{digits:03}"


def _number(plate: str) -> int:
    number = int(plate[0]) - 1
    for letter in plate[1:4]:
        number = number * 23 + LETTERS.index(letter)
    return number * 1000 + int(plate[4:])
