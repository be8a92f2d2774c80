"""What lies in the database, read by its administrator behind the services' backs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

SERVICES = ("ingest", "recognition", "hotlist", "retention", "release", "accounts", "ledger")


class Tables:
    """Queries over one connection."""

    def __init__(self, connection: Any) -> None:
        """Use the connection."""
        self._connection = connection

    async def rows(self, statement: str) -> list[Any]:
        """The rows of a statement."""
        return list(await self._connection.fetch(statement))

    async def of_services(self, table: str) -> dict[str, int]:
        """How many rows the table of that name has in each service's schema that has it, those with none left out."""
        told = await self.rows(f"SELECT table_schema FROM information_schema.tables WHERE table_name = '{table}'")  # noqa: S608
        counted = {}
        for (schema,) in told:
            if schema in SERVICES and (count := (await self.rows(f"SELECT count(*) FROM {schema}.{table}"))[0][0]):  # noqa: S608
                counted[schema] = int(count)
        return counted


@asynccontextmanager
async def tables(url: str) -> AsyncIterator[Tables]:
    """Open the database at the administrator's URL."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield Tables(connection)
    finally:
        await connection.close()
