"""One account is one person: new devices, two places at once, machines (A3)."""

import pytest
from databases import on_both
from policy.signing_on.station import FRESNO, NEXT_DOOR, POMONA, Station, enrolled, hits, notices, sign_on, signed_on
from standing import eventually
from unit.accounts.house import House, certificate, codes


@on_both
@pytest.mark.clause("A3")
async def test_a_password_alone_opens_no_live_account_from_a_new_device(here: House, station: Station) -> None:
    known = await signed_on(here)
    assert await notices(here, known) == ["new_device"]
    await station.go_live()
    refused = await sign_on(here)
    assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (403, "shared_account", "A3")
    assert "second factor" in refused.json()["detail"]
    stolen = await sign_on(here, "sergeant", device_token=known["device_token"])
    assert codes([stolen]) == ["shared_account"]
    again = await signed_on(here, device_token=known["device_token"])
    assert (await notices(here, again), again["device_token"]) == (["strange_login_refused", "new_device"], None)
    factor = await enrolled(here, again)
    here.clock.advance(seconds=30)
    new = await signed_on(here, code=factor.at(here.clock()))
    assert await notices(here, new) == ["new_device", "strange_login_refused", "new_device"]
    here.clock.advance(seconds=30)
    await signed_on(here, code=factor.at(here.clock()), device_token=new["device_token"])
    assert len(await notices(here, new)) == 3
    given = await eventually(lambda: here.records("notice.give"))
    assert {record.object_type for record in given} == {"notice"}


@pytest.mark.clause("A3")
@pytest.mark.parametrize(("elsewhere", "minutes", "told"), [(FRESNO, 5, "shared_account"), (NEXT_DOOR, 0, "200")])
async def test_nobody_is_at_two_far_places_at_once(
    here: House, station: Station, elsewhere: dict[str, float], minutes: float, told: str
) -> None:
    desk, dispatch = await station.terminal("desk", position=POMONA), await station.terminal("car")
    await signed_on(here, terminal=desk)
    await station.go_live()
    here.clock.advance(minutes=minutes)
    answer = await sign_on(here, terminal=dispatch | {"position": elsewhere})
    assert codes([answer]) == [told]
    here.clock.advance(hours=2)
    assert codes([await sign_on(here, terminal=dispatch | {"position": elsewhere})]) == ["200"]


@pytest.mark.clause("A3")
async def test_in_test_a_strange_place_leaves_a_notice_alone(here: House, station: Station) -> None:
    await signed_on(here, terminal=await station.terminal("desk", position=POMONA))
    car = await station.terminal("car")
    begun = await signed_on(here, terminal=car | {"position": FRESNO})
    assert await notices(here, begun) == ["implausible_place"]


@pytest.mark.clause("A3")
async def test_a_machines_account_opens_no_plate_data(here: House, station: Station) -> None:
    account_id = await here.hire(station.boss, "cad-link", "service")
    trainer = await here.login("sergeant")
    await trainer.post("/v1/training-certificates", json=certificate(here, account_id))
    refused = await hits(here, await signed_on(here, "cad-link"))
    assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (403, "shared_account", "A3")
