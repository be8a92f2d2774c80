"""A month of ordinary days of a department of sixty: the detectors leave honest work alone, in every department."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from profiles import DEPARTMENTS, department

from platekeeper_access_audit.ledger.policy import AuditsPolicy, hours_of_shifts
from platekeeper_access_audit.ledger.reviews import detectors
from platekeeper_access_audit.ledger.reviews.detectors import Act, Person
from platekeeper_common.policy import Profile
from platekeeper_common.shared_policy import UsePolicy

ZONE = ZoneInfo("America/Los_Angeles")
FIRST, DAYS = datetime(2026, 11, 2, tzinfo=ZONE), 28
SITTING, HOUR, DAY, FORTNIGHT = timedelta(hours=4), timedelta(hours=1), timedelta(days=1), timedelta(days=14)
PEOPLE = [("patrol", begins) for begins in (6, 14, 22) for _ in range(14)]
PEOPLE += [("detective", 8)] * 10 + [("dispatcher", begins) for begins in (6, 18) for _ in range(4)]
USUALLY = {"patrol": 6, "detective": 6, "dispatcher": 22}
"""Searches in a day, on the average."""


class Worker:
    """One person's month: days off, early arrivals, overtime, stops under a case number, cases that go on for weeks."""

    def __init__(self, kind: str, begins: int, seed: int, use: UsePolicy) -> None:
        self.kind, self.begins, self.use = kind, begins, use
        self.dice = random.Random(seed)
        self.off = {5, 6} if kind == "detective" else set(self.dice.sample(range(7), 2))
        self.cases = [(f"criminal 26-{seed}{n}", self.plate()) for n in range(3)]

    def plate(self) -> str:
        return str(self.dice.randrange(40_000))

    def month(self) -> list[Act]:
        found = [act for day in range(DAYS) if day % 7 not in self.off for act in self.day(FIRST + day * DAY)]
        return sorted(found, key=lambda act: act.at)

    def day(self, midnight: datetime) -> Iterator[Act]:
        """An act of the day at a time; arrives a little early, and seldom stays longer."""
        starts = midnight + timedelta(hours=self.begins, minutes=-self.dice.randrange(25))
        stays = self.dice.uniform(0, 3) if self.dice.random() < 0.05 else 0
        lasts = stays + (12 if self.kind == "dispatcher" else 8.5)
        for _ in range(self.many(USUALLY[self.kind])):
            yield self.search(starts + self.dice.uniform(0, lasts) * HOUR)

    def search(self, local: datetime) -> Act:
        rolled, plate, shift, asked_by = self.dice.random(), self.plate(), None, None
        matter = f"criminal {self.dice.randrange(9_999)}"
        if self.kind == "patrol" and rolled < 0.7:
            matter, shift = "patrol ", self.use.shift_at(local)
        elif self.kind == "detective" and rolled < 0.15:
            matter, plate = self.dice.choice(self.cases)
        elif self.kind == "dispatcher":
            matter, asked_by = ("other CAD-7", None) if rolled < 0.15 else (matter, "Officer Diaz, 4A12")
        return Act(
            record_id=f"{local.isoformat()} {plate}",
            at=local.astimezone(UTC),
            name="Somebody",
            action="reads.search",
            allowed=True,
            found=int(self.dice.random() < 0.45),
            plate=plate,
            shift=shift,
            matter=matter,
            numbered=matter != "patrol ",
            requested_by=asked_by,
        )

    def many(self, usually: float) -> int:
        """Poisson."""
        left, count = math.exp(-usually), -1
        product = 1.0
        while product > left:
            product *= self.dice.random()
            count += 1
        return count


def looked_at(acts: list[Act], profile: Profile) -> Iterator[tuple[str, datetime]]:
    """What comes to the queue, and when, if detectors look at the end of every sitting and nothing is settled."""
    policy, use = profile.section(AuditsPolicy), profile.section(UsePolicy)
    who = Person(username="somebody", zone=ZONE, shifts=hours_of_shifts(use), own_names=frozenset({"pomona"}))
    named: dict[str, set[str]] = {}
    for place, act in enumerate(acts):
        if place + 1 < len(acts) and acts[place + 1].at - act.at < SITTING:
            continue
        for name in policy.detectors:
            for finding in detectors.BY_NAME[name](acts[: place + 1], act.at, who, policy):
                if not named.setdefault(name, set()) & set(finding.record_ids):
                    yield name, act.at
                named[name] |= set(finding.record_ids)


@pytest.mark.clause("A4")
@pytest.mark.clause("B7")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_ordinary_days_of_sixty_people_bring_little_to_the_queue(name: str) -> None:
    profile = department(name)
    use, first, later = profile.section(UsePolicy), Counter[str](), Counter[str]()
    for seed, (kind, begins) in enumerate(PEOPLE):
        for found, at in looked_at(Worker(kind, begins, seed, use).month(), profile):
            (later if at - FIRST > FORTNIGHT else first)[found] += 1
    assert len(PEOPLE) == 60
    assert first.total() / 2 <= 12, "what is usual for a person is not known yet"
    assert later.total() / 2 <= 4, later
