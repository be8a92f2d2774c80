"""The table of what officers said of reads (`read.corrected`). Every query names the agency.

All of it is kept, whether the read raised a hit or not: what is said may be heard before the read is matched. It lives
as long as copies of reads do, from the receipt of the read.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Column, Index, Integer, String, Table, select
from sqlalchemy.dialects.postgresql import insert

from platekeeper_common.db import Tx
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_common.ids import AgencyId, ReadId
from platekeeper_common.schema import Moment, by_column
from platekeeper_hotlist.corrected import HeardCorrection
from platekeeper_hotlist.sightings import CountedHit, KeptSighting
from platekeeper_hotlist.storage import in_parts, metadata

read_correction = Table(
    "read_correction",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("read_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("was", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("plate", String),
    Column("state", String),
    Column("corrected_by_name", String, nullable=False),
    Column("corrected_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Index("read_correction_received", "agency_id", "received_at"),
)
_SAID = tuple(HeardCorrection.__slots__)


async def keep(tx: Tx, events: Sequence[ReadCorrected]) -> None:
    """Keep what was said. Safe to run twice."""
    rows = [
        {
            "agency_id": event.agency_id,
            "read_id": event.read.id,
            "was": event.read.plate,
            "received_at": event.read.received_at,
            **{name: getattr(event, name) for name in _SAID if name != "was"},
        }
        for event in events
    ]
    if rows:
        once = insert(read_correction).on_conflict_do_nothing(index_elements=["agency_id", "read_id", "number"])
        await tx.write(once, rows)


async def standing(tx: Tx, reads: Iterable[PlateRead]) -> dict[ReadId, HeardCorrection]:
    """What stands of those reads of which something was said."""
    asked = list(reads)
    said = await _of_reads(tx, {read.agency_id for read in asked}, {read.id for read in asked})
    return {ReadId(read_id): corrections[-1] for read_id, corrections in said.items()}


async def beside_hits(tx: Tx, hits: Sequence[CountedHit]) -> list[CountedHit]:
    """The hits with what was said of the reads that raised them."""
    agencies = {hit.raised.agency_id for hit in hits}
    said = await _of_reads(tx, agencies, {hit.raised.read.id for hit in hits})
    return [replace(hit, corrections=said.get(hit.raised.read.id, ())) for hit in hits]


async def beside_sightings(tx: Tx, agency_id: AgencyId, sightings: Sequence[KeptSighting]) -> list[KeptSighting]:
    """The sightings with what was said of their reads."""
    said = await _of_reads(tx, {agency_id}, {sighting.read_id for sighting in sightings})
    return [replace(sighting, corrections=said.get(sighting.read_id, ())) for sighting in sightings]


async def _of_reads(
    tx: Tx, agencies: Collection[AgencyId], read_ids: Collection[str]
) -> dict[str, tuple[HeardCorrection, ...]]:
    """What was said, by read, first to last."""
    found: dict[str, tuple[HeardCorrection, ...]] = {}
    for some in in_parts(sorted(read_ids)):
        wanted = select(read_correction).where(
            read_correction.c.agency_id.in_(sorted(agencies)), read_correction.c.read_id.in_(some)
        )
        for row in await tx.rows(wanted.order_by(read_correction.c.read_id, read_correction.c.number)):
            values = by_column(row)
            one = HeardCorrection(**{name: values[name] for name in _SAID})
            found[row.read_id] = (*found.get(row.read_id, ()), one)
    return found
