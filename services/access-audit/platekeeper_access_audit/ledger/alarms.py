"""What somebody must look at soon: the log is whole only when every record arrives, in time, and witnesses see it (G3).

An alarm stops nothing. It is a figure, a number on the health page, and a paragraph of docs/runbooks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platekeeper_access_audit.ledger import storage
from platekeeper_access_audit.ledger.domain import LAG_LIMIT
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.witnesses import storage as witnesses
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.metrics import Say, gauge

RECENT = timedelta(minutes=5)
"""For how long a record that came late keeps the alarm up."""
KINDS = ("gap", "lag", "witness_late", "witness_refuses")

ALARM = gauge("platekeeper_ledger_alarm", "1 while somebody must look at the log.", kind=KINDS)
LAG = gauge("platekeeper_ledger_lag_seconds", "How far behind it is: the oldest record that waits, or came late.")
UNWITNESSED = gauge(
    "platekeeper_ledger_unwitnessed_seconds",
    "Since the last checkpoint was heard of that enough witnesses cosigned; 0 when none are needed.",
)


@dataclass(frozen=True, slots=True)
class Watch:
    """How the log stands."""

    gaps: int
    """Producers of whose numbers some are missing."""
    lag: float
    """Seconds."""
    unwitnessed: float
    """Seconds."""
    late: bool
    """Too long without enough witnesses."""
    refusing: int
    """Witnesses that know of another tree."""

    def alarms(self) -> dict[str, bool]:
        """Each kind, and whether it is one now."""
        lags = self.lag > LAG_LIMIT.total_seconds()
        return dict(zip(KINDS, (self.gaps > 0, lags, self.late, self.refusing > 0), strict=True))


async def watch(here: LedgerRoom) -> Watch:
    """Look at the database and the bus. Raises Unavailable."""
    now = here.clock()
    async with here.db.tx() as tx:
        gaps = sum(one.missing > 0 for one in await storage.producers(tx))
        late = await storage.slowest(tx, since=now - RECENT)
        seen = await witnesses.witnessed_at(tx, here.panel.needed) if here.panel.needed else None
    lags = await here.foundation.bus.lag("ledger", (AccessRecorded.topic,))
    waiting = [_seconds(now, lag.waiting_since) for lag in lags if lag.waiting_since is not None]
    return Watch(
        gaps=gaps,
        lag=max([late, *waiting]),
        unwitnessed=0.0 if seen is None else _seconds(now, seen),
        late=seen is not None and here.panel.late(seen, now),
        refusing=len(here.refusing),
    )


async def figures(here: LedgerRoom, say: Say) -> None:
    """What operators see of it."""
    found = await watch(here)
    for kind, is_one in found.alarms().items():
        say(ALARM, is_one, kind=kind)
    say(LAG, found.lag)
    say(UNWITNESSED, found.unwitnessed)


async def counts(here: LedgerRoom) -> dict[str, int]:
    """What the health page shows of it."""
    found = await watch(here)
    return {
        "lag_seconds": int(found.lag),
        "unwitnessed_seconds": int(found.unwitnessed),
        "alarms": sum(found.alarms().values()),
    }


def _seconds(now: datetime, since: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
