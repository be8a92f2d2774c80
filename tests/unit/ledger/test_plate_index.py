"""Who asked for a plate, found by keyed digests that lie nowhere else and die with their month."""

import msgspec
import pytest
from databases import on_both
from standing import AGENCY, Town, eventually
from unit.ledger.samples import PLATE, administered, searched, send

from platekeeper_access_audit.ledger.plate_index import handlers
from platekeeper_common.ids import AgencyId

GALT = AgencyId("galt-pd")
DIGESTS = "SELECT position, month, digest FROM plate_index ORDER BY position"


async def indexed(here: Town, count: int) -> None:
    """Wait until the worker has read so many records."""
    done = "SELECT position FROM reader WHERE name = 'plates named'"
    await eventually(lambda: here.rows("ledger", done) >= [(count,)])


async def positions(here: Town, plate: str, agency_id: AgencyId = AGENCY) -> list[int]:
    """The records that the plate's digests name, newest first."""
    digests = await handlers.digests_of(here.standing.foundation.keys, agency_id, plate)
    return [place for place, month, digest in reversed(here.rows("ledger", DIGESTS)) if digests.get(month) == digest]


@on_both
@pytest.mark.clause("G3")
async def test_the_records_that_asked_for_a_plate_are_found_by_it(here: Town) -> None:
    await here.open_agency(GALT, "galt")
    records = [await searched(here, 1), await searched(here, 2, plate="6ABC123"), await searched(here, 3)]
    records += [await searched(here, 4, agency_id=GALT), administered(number=5)]
    await send(here, *records)
    await indexed(here, 5)
    assert await positions(here, PLATE) == [2, 0]
    assert await positions(here, "6ABC123") == [1]
    assert await positions(here, "NOBODY") == []
    assert await positions(here, PLATE, GALT) == [3]
    rows = here.rows("ledger", DIGESTS)
    assert [row[0] for row in rows] == [0, 1, 2, 3]
    assert len({row[2] for row in rows}) == 3, "an agency's digest is no other's"


@pytest.mark.clause("G3")
async def test_a_months_key_ends_what_its_digests_say(here: Town) -> None:
    old = await searched(here, 1)
    here.clock.advance(days=30)
    await send(here, old, await searched(here, 2))
    await indexed(here, 2)
    assert await positions(here, PLATE) == [1, 0]
    (here.standing.foundation.settings.var / "keys" / AGENCY / "plate-index" / "2026-11.key").unlink()
    assert await positions(here, PLATE) == [1]


@pytest.mark.clause("G3")
async def test_a_destroyed_month_is_not_indexed_anew(here: Town) -> None:
    record = await searched(here, 1)
    keys = here.standing.foundation.settings.var / "keys" / AGENCY
    (keys / "access" / "2026-11.key").unlink()
    await send(here, record)
    await indexed(here, 1)
    assert here.rows("ledger", DIGESTS) == []
    assert not (keys / "plate-index").exists()


@pytest.mark.clause("G3")
async def test_digests_stand_in_no_leaf_and_no_export(here: Town) -> None:
    record = await searched(here, 1)
    await send(here, record, msgspec.structs.replace(await searched(here, 2), query=record.query))
    await indexed(here, 2)
    ((_, _, digest),) = here.rows("ledger", DIGESTS)
    async with here.client(here.person("inspector", "auditor")) as client:
        shown = (await client.get("/v1/access-records/export")).text + (
            await client.get(f"/v1/access-records/{record.id}")
        ).text
    assert digest not in shown
    assert not any(digest.encode() in row[0] for row in here.rows("ledger", "SELECT canonical FROM access_record"))
