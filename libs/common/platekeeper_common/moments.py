"""Moments as callers send them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def in_utc(moment: datetime) -> datetime:
    """The aware moment in UTC. Raises ValueError where UTC would need a year before 1 or after 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


Instant = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""With its time zone (RFC 3339) in a document, in UTC behind it."""
