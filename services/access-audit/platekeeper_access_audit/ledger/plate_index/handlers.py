"""The worker's reading of the ledger for plates: opens what was asked for, keeps a digest, forgets the plate."""

from platekeeper_access_audit.ledger import following
from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_access_audit.ledger.plate_index import domain, storage
from platekeeper_access_audit.ledger.plate_index.domain import Asked
from platekeeper_access_audit.ledger.plate_index.storage import Indexed
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common.access import unseal
from platekeeper_common.errors import Gone
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import KeyStore

READER = "plates named"
"""Another name makes the worker read every record anew: for rules that find plates where none were found before."""
BATCH = 100
"""Records at a time: one of an import names up to 500 plates."""


async def run(here: LedgerRoom) -> None:
    """Index what was appended, twice a second, until cancelled."""

    async def look() -> None:
        while await index(here):
            pass

    await following.keep_looking(READER, look)


async def index(here: LedgerRoom) -> int:
    """Take the next records, up to BATCH, and keep a digest of each plate that they name; how many it took.

    Safe to run twice. Raises Unavailable when the database or the key store is away.
    """
    keys = here.foundation.keys
    async with here.db.alone(READER):
        async with here.db.tx() as tx:
            start = await following.place(tx, READER)
            entries = await following.records(tx, start, BATCH)
        found = [one for entry in entries for one in await _indexed(keys, entry)]
        if entries:
            async with here.db.tx() as tx:
                await storage.add(tx, found)
                await following.move(tx, READER, start + len(entries))
    return len(entries)


async def plates_of(keys: KeyStore, entry: Entry) -> Asked | None:
    """The plates that a record named; None when it named none, or nobody can tell any more.

    For the worker alone, which must not keep them. Raises Unavailable.
    """
    elements = await _elements(keys, entry)
    return None if elements is None else domain.asked(elements)


async def plates_meant(keys: KeyStore, entry: Entry) -> list[str]:
    """The plates that a record's pattern can hardly but mean; for the worker alone, as above. Raises Unavailable."""
    elements = await _elements(keys, entry)
    return [] if elements is None else domain.asked_in_part(elements)


async def _elements(keys: KeyStore, entry: Entry) -> bytes | None:
    record = entry.record
    if record.kind != "plate_data" or record.query is None:
        return None
    try:
        return await unseal(keys, record.id, record.query)
    except (Gone, ValueError):
        return None


async def digests_of(keys: KeyStore, agency_id: AgencyId, plate: str) -> dict[str, str]:
    """The digest of the normalised plate in each month whose key is there; of others nobody can tell.

    Raises Unavailable.
    """
    found = {}
    for name in await keys.names(domain.folder(agency_id)):
        try:
            key = await keys.existing(name)
        except Gone:
            continue
        found[name.rpartition("/")[2]] = domain.digest(key, plate)
    return found


async def _indexed(keys: KeyStore, entry: Entry) -> list[Indexed]:
    asked = await plates_of(keys, entry)
    if asked is None:
        return []
    agency_id, month = entry.record.agency_id, domain.month_of(entry.record.at)
    key = await keys.key(domain.key_name(agency_id, month))
    digests = sorted(domain.digest(key, plate) for plate in asked.plates)
    return [Indexed(entry.position, agency_id, month, digest, asked.further) for digest in digests]
