"""The register of terminals."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Column, Float, String, Table, select, update

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_access_audit.accounts.terminals.domain import RegisteredTerminal
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

terminal = Table(
    "terminal",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("secret_sha256", String, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("latitude", Float, nullable=True),
    Column("longitude", Float, nullable=True),
    Column("retired_at", Moment, nullable=True),
)


async def add(tx: Tx, new: RegisteredTerminal) -> None:
    """Keep a new terminal."""
    await tx.write(terminal.insert().values(**asdict(new)))


async def find(tx: Tx, terminal_id: str, agency_id: AgencyId) -> RegisteredTerminal | None:
    """The agency's terminal, a retired one too."""
    own = (terminal.c.id == terminal_id) & (terminal.c.agency_id == agency_id)
    row = await tx.row(select(terminal).where(own))
    return None if row is None else RegisteredTerminal(**by_column(row))


async def listed(tx: Tx, agency_id: AgencyId) -> list[RegisteredTerminal]:
    """The agency's terminals by name, retired ones too."""
    own = select(terminal).where(terminal.c.agency_id == agency_id).order_by(terminal.c.name, terminal.c.id)
    return [RegisteredTerminal(**by_column(row)) for row in await tx.rows(own)]


async def retire(tx: Tx, terminal_id: str, at: datetime) -> None:
    """Nobody signs on there any more."""
    await tx.write(update(terminal).where(terminal.c.id == terminal_id).values(retired_at=at))
