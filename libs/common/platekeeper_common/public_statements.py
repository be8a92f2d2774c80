"""How services state in public: every so often each says what has changed since it last did.

What was last stated is kept in the service's own database and stated again once a day, so that a bus that lost it has
it back. At most one process of a service states at a time; stating twice does no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import Column, LargeBinary, String, Table, select, update
from sqlalchemy.exc import SQLAlchemyError

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.clock import Clock
from platekeeper_common.db import Database, Tx
from platekeeper_common.errors import PlatekeeperError
from platekeeper_common.events import public
from platekeeper_common.events.public import Figures, StatedInPublic, Statement
from platekeeper_common.ids import AgencyId
from platekeeper_common.log import describe
from platekeeper_common.periods import Month
from platekeeper_common.policies import Policies
from platekeeper_common.schema import Moment, shared

AGAIN = timedelta(days=1)
MONTHS = 12
"""Ended months of which a service that has said nothing yet states the figures."""
SETTLED = timedelta(days=1)
"""After the end of a month: what belongs to it has arrived by then."""
_log = structlog.get_logger()

stated = Table(
    "stated",
    shared,
    Column("agency_id", String, primary_key=True),
    Column("section", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("stated_at", Moment, nullable=False),
)

Says = Callable[[Any, AgencyId], Awaitable[Sequence[Statement]]]
"""How things stand with an agency in the service's room: asked every minute, so of registers and settings alone."""
Tallies = Callable[[Any, AgencyId, Month], Awaitable[Figures]]
"""The figures of an ended month: asked once for each, because what was answered is kept."""


class Here(Protocol):
    """What stating needs of a room."""

    @property
    def db(self) -> Database: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Speaker:
    """A service that states, in its room."""

    name: str
    here: Here
    policies: Policies
    says: Says | None
    tallies: Tallies | None

    async def run(self, seconds: float) -> None:
        """State every so many seconds until cancelled; what cannot be stated now is stated later."""
        while True:
            try:
                await self.state()
            except (Unavailable, SQLAlchemyError) as error:
                _log.warning("nothing stated in public", service=self.name, reason=describe(error))
            await asyncio.sleep(seconds)

    async def state(self) -> None:
        """State of every open agency what has changed. Raises Unavailable."""
        async with self.here.db.alone("public statements"):
            for agency_id in self.policies.open_agencies():
                try:
                    await self._state_of(agency_id)
                except PlatekeeperError as error:  # of one agency: unknown to the service yet, or too slow to count
                    _log.warning("agency not stated in public", service=self.name, agency=agency_id, code=error.code)

    async def _state_of(self, agency_id: AgencyId) -> None:
        statements = [] if self.says is None else [*await self.says(self.here, agency_id)]
        async with self.here.db.tx() as tx:
            kept = await _kept(tx, agency_id)
        statements += [await self._tally(agency_id, month) for month in self._untold(kept)]
        await self._say(agency_id, statements)

    def _untold(self, kept: "dict[str, _Kept]") -> list[Month]:
        if self.tallies is None:
            return []
        last = Month.of(self.here.clock() - SETTLED).back(1)
        months = [last.back(count) for count in reversed(range(MONTHS))]
        return [month for month in months if public.section_of(Figures(month=str(month))) not in kept]

    async def _tally(self, agency_id: AgencyId, month: Month) -> Figures:
        assert self.tallies is not None  # noqa: S101 - no month is untold without it
        return await self.tallies(self.here, agency_id, month)

    async def _say(self, agency_id: AgencyId, statements: Sequence[Statement]) -> None:
        now = self.here.clock()
        async with self.here.db.tx() as tx:
            await tx.lock("stated")
            kept = await _kept(tx, agency_id)
            due = {section: one.content for section, one in kept.items() if now - one.stated_at >= AGAIN}
            for statement in statements:
                section = public.section_of(statement)
                if (data := self._written(section, statement)) is None:
                    continue
                if section not in kept or kept[section].content != data:
                    due[section] = data
            for section, data in due.items():
                await _keep(tx, agency_id, section, data, now, known=section in kept)
                content = public.read(data)
                tx.emit(StatedInPublic(agency_id=agency_id, service=self.name, content=content, stated_at=now))

    def _written(self, section: str, statement: Statement) -> bytes | None:
        """None for what no statement may hold: the others are not kept back for its sake."""
        try:
            return public.written(statement)
        except msgspec.ValidationError as error:
            _log.error("not fit to be public", service=self.name, section=section, reason=str(error))
            return None


@dataclass(frozen=True, slots=True)
class _Kept:
    content: bytes
    stated_at: datetime


async def _kept(tx: Tx, agency_id: AgencyId) -> dict[str, _Kept]:
    rows = await tx.rows(select(stated).where(stated.c.agency_id == agency_id))
    return {row.section: _Kept(row.content, row.stated_at) for row in rows}


async def _keep(tx: Tx, agency_id: AgencyId, section: str, content: bytes, at: datetime, *, known: bool) -> None:
    values = {"content": content, "stated_at": at}
    if known:
        own = (stated.c.agency_id == agency_id) & (stated.c.section == section)
        await tx.write(update(stated).where(own).values(values))
    else:
        await tx.write(stated.insert().values(agency_id=agency_id, section=section, **values))
