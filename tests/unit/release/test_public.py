"""What release states in public: agencies with access by real grants, and the months' counts; no person, no plate."""

from pathlib import Path

import msgspec
import pytest
from databases import on_both
from unit.release.desk import PLATE, Desk, desk

from platekeeper_common.events.public import AgenciesWithAccess, Figures, Sharing
from platekeeper_common.periods import Month
from platekeeper_release.service import says, tallies


async def granted(at: Desk) -> tuple[str, ...]:
    sharing, agencies = await says(at.house.standing.rooms["release"], at.agency_id)  # type: ignore[arg-type]
    assert isinstance(sharing, Sharing)
    assert isinstance(agencies, AgenciesWithAccess)
    return agencies.agencies


async def counted(at: Desk, month: Month) -> Figures:
    return await tallies(at.house.standing.rooms["release"], at.agency_id, month)  # type: ignore[arg-type]


@on_both
@pytest.mark.clause("H3")
async def test_an_agency_has_access_while_an_approved_request_of_it_is_open(tmp_path: Path) -> None:
    async with desk(tmp_path / "var") as at:
        await at.store(await at.photographed(1, plate=PLATE))
        assert await granted(at) == ()
        request = await at.approved()
        assert await granted(at) == ("Ontario Police Department",)
        assert (await at.fulfil(request)).status_code == 201
        denied = await at.receive()
        assert (await at.decide(denied["id"], outcome="denied", expires_at=None, reason="no case")).status_code == 201
        at.clock.advance(days=8)
        assert await granted(at) == ()
        figures = await counted(at, Month(2026, 11))
        assert figures == Figures(month="2026-11", releases=1, releases_refused=1)
        assert await counted(at, Month(2026, 12)) == Figures(month="2026-12", releases=0, releases_refused=0)


async def test_what_is_stated_names_no_person_and_no_plate(tmp_path: Path) -> None:
    async with desk(tmp_path / "var") as at:
        await at.approved()
        said = msgspec.json.encode(await says(at.house.standing.rooms["release"], at.agency_id))  # type: ignore[arg-type]
        assert b"Ontario Police Department" in said
        for word in (PLATE, "Lopez", "26-5520", "clerk", "Homicide"):
            assert word.encode() not in said
