"""Policies follow what accounts say of agencies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from profiles import DEPARTMENTS, department

from platekeeper_common.errors import Refused
from platekeeper_common.events.access import AccessRevoked, AgencyChanged
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.policies import Policies
from platekeeper_ingest.policy import IngestPolicy

HARBOR = AgencyId("harbor")


def changed(agency_id: AgencyId = HARBOR, **facts: Any) -> AgencyChanged:
    told = {
        "name": "Harbor City Police",
        "ori": "CA0190000",
        "time_zone": "America/Los_Angeles",
        "profile": "corona",
        "policy_version": "corona-0",
        "mode": "live",
    }
    return AgencyChanged(agency_id=agency_id, **{**told, **facts})


@pytest.fixture
def policies() -> Policies:
    return Policies({name: department(name) for name in DEPARTMENTS})


def refusal_of(policies: Policies, agency_id: AgencyId) -> Refused:
    with pytest.raises(Refused) as refusal:
        policies.of(agency_id)
    return refusal.value


async def test_each_agency_has_its_own_policy(policies: Policies) -> None:
    await policies.apply(changed())
    await policies.apply(changed(AgencyId("basin"), profile="la-port", mode="test", synthetic=True))
    assert policies.of(HARBOR).section(IngestPolicy).vehicle_transfer_within == timedelta(days=30)
    assert policies.of(AgencyId("basin")).name == "la-port"
    assert policies.agency(HARBOR).time_zone == "America/Los_Angeles"
    assert policies.agency(AgencyId("basin")).synthetic


async def test_the_last_word_on_an_agency_holds(policies: Policies) -> None:
    for event in (changed(), changed(profile="galt"), changed(profile="galt")):
        await policies.apply(event)
    assert policies.of(HARBOR) is department("galt")


async def test_an_unknown_or_closed_agency_has_no_policy(policies: Policies) -> None:
    for agency_id in (HARBOR, PLATFORM):
        assert (refusal_of(policies, agency_id).code, refusal_of(policies, agency_id).status) == ("agency_unknown", 403)
    with pytest.raises(Refused):
        policies.agency(HARBOR)
    await policies.apply(changed(mode="closed"))
    assert refusal_of(policies, HARBOR).code == "agency_unknown"
    assert policies.agency(HARBOR).mode == "closed"


async def test_a_profile_that_is_not_installed_is_no_policy(policies: Policies) -> None:
    await policies.apply(changed(profile="fresno"))
    assert refusal_of(policies, HARBOR).code == "agency_unknown"
    assert "fresno" in refusal_of(policies, HARBOR).detail


async def test_other_events_change_nothing(policies: Policies) -> None:
    await policies.apply(changed())
    await policies.apply(AccessRevoked(agency_id=HARBOR, before=datetime(2026, 7, 1, tzinfo=UTC)))
    assert policies.of(HARBOR).name == "corona"
