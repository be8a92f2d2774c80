"""The one source of the present moment, so that rules and tests can be given another."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present moment as an aware UTC datetime."""


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def hundredths(moment: datetime) -> datetime:
    """`moment` cut to hundredths of a second, the resolution of access records (CJIS 5.9.5, AU-8)."""
    return moment.replace(microsecond=moment.microsecond // 10_000 * 10_000)
