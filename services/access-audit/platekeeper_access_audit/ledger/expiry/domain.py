"""When a month of access records is over."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Period

FOLDERS = ("access", "plate-index")
"""Of an agency in the key store, a key for each month in each: of the query elements, and of the index of plates."""
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def folders(agency_id: AgencyId) -> tuple[str, ...]:
    """Where the agency's months have their keys."""
    return tuple(f"{agency_id}/{folder}" for folder in FOLDERS)


def keys(agency_id: AgencyId, month: str) -> tuple[str, ...]:
    """The names of the keys that die with the month; of the query elements' first."""
    return tuple(f"{folder}/{month}" for folder in folders(agency_id))


def bounds(month: str) -> tuple[datetime, datetime]:
    """The first moment of `2026-11`, and that of the next month, in UTC. Raises ValueError for what is no month."""
    found = _MONTH.fullmatch(month)
    if found is None or found[1] == "0000":
        raise ValueError(f"{month} is no month")
    year, number = int(found[1]), int(found[2])
    return datetime(year, number, 1, tzinfo=UTC), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def over(names: Iterable[str], kept: Period, now: datetime) -> list[str]:
    """The months among the keys' names of which every record is older than `kept`; sorted."""
    months = {name.rpartition("/")[2] for name in names}
    return sorted(month for month in months if _MONTH.fullmatch(month) and kept.after(bounds(month)[1]) <= now)
