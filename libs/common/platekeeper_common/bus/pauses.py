"""How the loops of the bus wait: how long between attempts, what counts as away, and which cancellation is meant."""

import asyncio
import random
from dataclasses import dataclass

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Busy

AWAY = (Unavailable, Busy, TimeoutError, ConnectionError)
"""What a handler raises when something that it needs is away."""
_dice = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between attempts: from `first`, doubling up to `longest`, each cut by up to half by chance."""

    first: float = 0.1
    longest: float = 30.0

    def after(self, attempts: int) -> float:
        """How long to wait after so many failed attempts (at least one)."""
        doubled = self.first * float(2 ** min(attempts - 1, 30))
        return min(self.longest, doubled) * _dice.uniform(0.5, 1.0)


def was_meant(error: BaseException) -> bool:
    """Whether it is a cancellation of this task; a client that breaks off can leave others', which are outages."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def code_of(error: BaseException) -> str:
    """A stable word for what is away; what the error says of it may quote addresses and files."""
    if isinstance(error, Busy):
        return error.code
    known: dict[type[BaseException], str] = {Unavailable: "unavailable", TimeoutError: "timeout"}
    return known.get(type(error), "failed")
