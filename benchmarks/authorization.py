"""What authorizing a request costs, in microseconds, beside verifying its token: the yardstick of the same run.

`python benchmarks/authorization.py [--rounds N]`
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platekeeper.registry import SECTIONS
from platekeeper_common import auth
from platekeeper_common.access import Use
from platekeeper_common.actions import Action
from platekeeper_common.auth import SigningKey, Verifier
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.ids import AgencyId
from platekeeper_common.policy import load
from platekeeper_common.shared_policy import UsePolicy

POLICIES = Path(__file__).parents[1] / "policies"
BATCH = 200
"""Decisions timed together: one alone is shorter than the clock's own cost."""
USE = Use(purpose="stolen_vehicle", matter_type="criminal", matter_number="26-004711")
OTHER = Use(purpose="other_le", matter_type="other", reason="Welfare check on a driver overdue since Monday")


def officer(now: datetime) -> Caller:
    """A trained officer who signed on now."""
    return Caller(
        kind="person",
        subject="account-diaz",
        agency_id=AgencyId("pomona-pd"),
        username="diaz",
        name="Officer Diaz",
        organisation="Pomona Police Department",
        issued_at=now,
        expires_at=now + auth.TOKEN_LIFE,
        roles=frozenset({"officer"}),
        session="session",
        signed_on_at=now,
        training_until=now + timedelta(days=365),
        approved_until=now + timedelta(days=90),
    )


def microseconds(rounds: int, act: Callable[[], Any]) -> float:
    """The median cost of the act."""
    costs = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(BATCH):
            act()
        costs.append((time.perf_counter() - begun) / BATCH * 1e6)
    return statistics.median(costs)


async def verifying(rounds: int, verifier: Verifier, token: str) -> float:
    """The median cost of verifying a token."""
    costs = []
    for _ in range(rounds * 10):
        begun = time.perf_counter()
        await verifier.verify(token)
        costs.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(costs)


async def main(rounds: int) -> None:
    """Print each figure and its ratio to the yardstick."""
    now, key = datetime.now(UTC), SigningKey.make()
    policy = load(POLICIES / "pomona.toml", SECTIONS).section(UsePolicy)
    caller = officer(now)

    async def fetch() -> dict[str, Any]:
        return {"keys": [key.public()]}

    verifier = Verifier(fetch, issuer="i", audience="a", clock=lambda: datetime.now(UTC))
    token = await verifying(rounds, verifier, auth.issue(caller, key, issuer="i", audience="a"))
    figures = {
        "at the door: role, training, lock": microseconds(rounds, lambda: decide(caller, Action.SEARCH)),
        "with purpose and matter": microseconds(rounds, lambda: decide(caller, Action.SEARCH, use=USE, policy=policy)),
        "words of a stated use, numbered": microseconds(rounds, lambda: policy.demand(USE)),
        "words of a stated use, in a sentence": microseconds(rounds, lambda: policy.demand(OTHER)),
    }
    print(f"verifying the token (yardstick)        {token:8.1f} us")
    for name, cost in figures.items():
        print(f"{name:<38} {cost:8.1f} us  {cost / token:7.4f} of the yardstick")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    asyncio.run(main(parser.parse_args().rounds))
