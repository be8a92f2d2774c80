"""What every service's schema is made of: the column type for moments, the tables that all have, and rows by column."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, Row, RowMapping, TypeDecorator

shared = MetaData()
"""Outbox and dead letters: the same tables in every service's database, migrated by `migrations/`."""

RowId = BigInteger().with_variant(Integer, "sqlite")
"""A counting key; SQLite only counts plain INTEGER keys."""


def by_column(row: Row[Any]) -> RowMapping:
    """A row's values by the names of its columns."""
    return row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime in every engine. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment must know its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database: aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
