"""The end of a month: what was asked for opens no more, and every proof stands."""

from datetime import UTC, datetime

import pytest
from adopting import said
from profiles import DEPARTMENTS, department
from standing import AGENCY, Town, eventually
from unit.ledger.proofs import check, export, signed
from unit.ledger.samples import PLATE, searched, send

from platekeeper_access_audit.ledger.expiry import domain, handlers
from platekeeper_access_audit.ledger.expiry.storage import Month
from platekeeper_access_audit.ledger.policy import LedgerPolicy
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common import adoptions
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.notes import NoteSigner
from platekeeper_common.periods import Period

RECORDS = "/v1/access-records"
CORONA = AgencyId("corona-pd")


def room(here: Town) -> LedgerRoom:
    found = here.standing.rooms["ledger"]
    assert isinstance(found, LedgerRoom)
    return found


def test_a_month_is_over_when_its_last_record_is_old_enough() -> None:
    names = ["pomona-pd/access/2021-10", "pomona-pd/access/2021-12", "pomona-pd/access/x", "pomona-pd/access/2021-11"]
    five = Period(5, "year")
    assert domain.over(names, five, datetime(2026, 11, 1, tzinfo=UTC)) == ["2021-10"]
    assert domain.over(names, five, datetime(2026, 10, 31, 23, 59, tzinfo=UTC)) == []
    assert domain.over(names, five, datetime(2027, 1, 1, tzinfo=UTC)) == ["2021-10", "2021-11", "2021-12"]


@pytest.mark.clause("G3")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_query_elements_die_with_their_month_and_every_proof_stays(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    years = department(name).section(LedgerPolicy).access_years
    auditor = ("inspector", "auditor")
    december = datetime(2026, 12, 1, tzinfo=UTC)
    old, young = await searched(here, 1), await searched(here, 2, at=december)
    await send(here, old, young)
    await signed(here)
    async with here.client(here.person(*auditor)) as client:
        before = await export(here, client)
        assert (await client.get(f"{RECORDS}/{old.id}")).json()["query"] == {"plate": PLATE}
    assert not check(*before).findings
    here.clock.now = datetime(2026 + years, 11, 30, 23, 58, tzinfo=UTC)
    await signed(here)
    assert await handlers.expire(room(here)) == []
    here.clock.now = datetime(2026 + years, 12, 1, 0, 1, tzinfo=UTC)
    assert Month(AGENCY, "2026-11") in await handlers.expire(room(here)) or not _key(here, "2026-11")
    assert await handlers.expire(room(here)) == []
    assert (_key(here, "2026-11"), _key(here, "2026-12")) == (False, True)
    await signed(here)
    async with here.client(here.person(*auditor)) as client:
        shown = (await client.get(f"{RECORDS}/{old.id}")).json()
        assert (shown["query"], shown["username"], shown["purpose"]) == ("destroyed", "officer", "stolen_vehicle")
        assert (await client.get(f"{RECORDS}/{young.id}")).json()["query"] == {"plate": PLATE}
        after = await export(here, client)

        async def told() -> list[dict[str, object]]:
            chosen = {"action": "access_records.expire"}
            found: list[dict[str, object]] = (await client.get(RECORDS, params=chosen)).json()["records"]
            return found

        [expired] = await eventually(told)
    assert not check(*after).findings
    assert after[0][: len(before[0])] == before[0]
    assert (expired["object_type"], expired["object_id"]) == ("access_month", "2026-11")
    assert (expired["subject"], expired["result_count"]) == ("service:ledger", 1)


def _key(here: Town, month: str) -> bool:
    return (here.standing.foundation.settings.var / "keys" / AGENCY / "access" / f"{month}.key").exists()


async def test_what_was_begun_is_finished(here: Town) -> None:
    await send(here, await searched(here, 1))
    here.clock.now = datetime(2031, 12, 2, tzinfo=UTC)
    await handlers._begin(room(here), Month(AGENCY, "2026-11"))
    await handlers.expire(room(here))
    assert not _key(here, "2026-11")
    rows = here.rows("ledger", "SELECT month, records FROM expired_month WHERE destroyed_at IS NOT NULL")
    assert rows == [("2026-11", 1)]


@pytest.mark.clause("G3")
async def test_records_of_no_agency_are_kept_as_long_as_the_most_patient_agencys(here: Town) -> None:
    kept = dict(handlers._agencies(room(here)))
    assert kept[PLATFORM] == max(kept.values(), key=lambda period: period.count)


async def adopt(here: Town, number: int, *, years: object, seed: bytes | None = None) -> None:
    """Adopt the profile with other `access_years`; signed by accounts, or by a stranger with another seed."""
    foundation = here.standing.foundation
    own = await foundation.keys.key(adoptions.SIGNING)
    await adoptions.believe(foundation.keys, NoteSigner(adoptions.SIGNER, own).key)
    document = {name: dict(keys) for name, keys in department("pomona").document.items()}
    document["ledger"]["access_years"] = years
    event = said(NoteSigner(adoptions.SIGNER, seed or own), number, document, here.clock())
    await foundation.bus.publish([event], source="accounts")
    policies = foundation.policies
    await eventually(lambda: AGENCY in policies._unsigned if seed else policies._adopted.get(AGENCY, (0,))[0] == number)


@pytest.mark.clause("G3", "pomona")
@pytest.mark.clause("B2")
async def test_a_month_ends_by_the_policy_in_force_and_in_doubt_not_at_all(here: Town) -> None:
    """Longer and shorter than installed, of an agency that has closed too; unusable or unverified: nothing goes."""

    def kept() -> dict[AgencyId, int]:
        return {agency_id: period.count for agency_id, period in handlers._agencies(room(here))}

    await here.open_agency(CORONA, "corona")
    installed = department("corona").section(LedgerPolicy).access_years
    await send(here, await searched(here, 1))
    assert kept() == {AGENCY: 5, CORONA: installed, PLATFORM: max(5, installed)}
    await adopt(here, 2, years=10)
    await here.open_agency(AGENCY, "pomona", mode="closed")
    assert kept() == {AGENCY: 10, CORONA: installed, PLATFORM: 10}
    here.clock.now = datetime(2032, 1, 1, tzinfo=UTC)
    assert await handlers.expire(room(here)) == []
    assert _key(here, "2026-11")
    here.clock.now = datetime(2037, 1, 1, tzinfo=UTC)
    await adopt(here, 3, years="for ever")
    assert kept() == {CORONA: installed}
    await adopt(here, 4, years=7)
    assert kept() == {AGENCY: 7, CORONA: installed, PLATFORM: max(7, installed)}
    await adopt(here, 5, years=1, seed=b"x" * 32)
    assert kept() == {CORONA: installed}
    assert await handlers.expire(room(here)) == []
    assert _key(here, "2026-11")
    await adopt(here, 5, years=8)
    assert Month(AGENCY, "2026-11") in await handlers.expire(room(here)) or not _key(here, "2026-11")
