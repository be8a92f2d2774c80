"""Second factors, locked usernames and unused accounts (G2)."""

from datetime import timedelta

import pytest
from databases import on_both
from policy.signing_on.station import Station, carried_on, enrolled, hits, sign_on, signed_on
from profiles import DEPARTMENTS, department
from standing import eventually
from unit.accounts.house import PASSWORD, House, codes

from platekeeper_access_audit.accounts.dormancy.handlers import close_unused
from platekeeper_access_audit.accounts.policy import SessionsPolicy


@on_both
@pytest.mark.clause("G2")
async def test_plate_data_of_a_live_agency_needs_a_second_factor(here: House, station: Station) -> None:
    begun = await signed_on(here)
    assert codes([await hits(here, begun)]) == ["200"]
    await station.go_live()
    begun = (await carried_on(here, begun)).json()
    refused = await hits(here, begun)
    assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (401, "second_factor_owed", "G2")
    await enrolled(here, begun)
    recovery = begun["recovery_codes"]
    begun = (await carried_on(here, begun)).json()
    assert codes([await hits(here, begun)]) == ["200"]
    tries = [
        await sign_on(here),
        await sign_on(here, recovery_code=recovery[0].upper()),
        await sign_on(here, recovery_code=recovery[0]),
        await sign_on(here, recovery_code="no code of ours"),
    ]
    assert codes(tries) == ["second_factor_required", "200", "second_factor_wrong", "second_factor_wrong"]
    assert codes([await hits(here, tries[1].json())]) == ["200"]
    kept = {row[0] for row in here.rows("SELECT sha256 FROM recovery_code")}
    assert len(kept) == 10
    assert not kept & set(recovery)


@on_both
@pytest.mark.clause("G2")
async def test_an_administrator_on_duty_releases_a_locked_username(here: House, station: Station) -> None:
    for _ in range(5):
        await here.try_login("rivera", "wrong password")
    assert codes([await sign_on(here)]) == ["account_locked"]
    door = f"/v1/accounts/{station.accounts['rivera']}/unlock"
    officer = here.client((await signed_on(here, "sergeant"))["access_token"])
    boss = await signed_on(here, "boss")
    own = await here.client(boss["access_token"]).post(f"/v1/accounts/{boss['account_id']}/unlock")
    assert codes([await officer.post(door), own, await sign_on(here)]) == [
        "not_allowed",
        "own_account",
        "account_locked",
    ]
    released = await here.client(boss["access_token"]).post(door)
    assert (released.status_code, codes([await sign_on(here)])) == (204, ["200"])
    await here.client().post("/v1/session/end", json={"refresh_token": boss["refresh_token"]})
    off_duty = await here.client(boss["access_token"]).post(door)
    assert off_duty.json()["code"] in ("session_ended", "token_revoked")


@on_both
@pytest.mark.clause("G2")
async def test_unused_and_dated_accounts_are_disabled_with_a_record(here: House, station: Station) -> None:
    await station.hire("auditor", "auditor", trained=False)
    await here.run_sql("UPDATE account SET valid_until = opened_at WHERE username = 'auditor'")
    here.clock.advance(days=89)
    await signed_on(here, "boss")
    assert await close_unused(here.room) == 1
    here.clock.advance(days=1, minutes=1)
    assert codes([await sign_on(here)]) == ["account_dormant"]
    assert await close_unused(here.room) == 2
    assert await close_unused(here.room) == 0
    assert codes([await sign_on(here), await sign_on(here, "auditor")]) == ["credentials_wrong"] * 2
    closed = await eventually(lambda: len(found := here.records("account.disable")) == 3 and found)
    assert {(record.subject, record.username) for record in closed} == {("service:accounts", "service:accounts")}
    boss = here.client((await signed_on(here, "boss"))["access_token"])
    accounts = {row["username"]: row["id"] for row in (await boss.get("/v1/accounts")).json()}
    resets = [await boss.post(f"/v1/accounts/{accounts[name]}/reset") for name in ("rivera", "auditor")]
    assert codes(resets) == ["200", "account_disabled"]
    once = resets[0].json()["one_time_password"]
    assert codes([await here.try_login("rivera", once, new_password=PASSWORD)]) == ["200"]


@pytest.mark.clause("G2")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_each_department_locks_after_thirty_minutes_and_five_failures(name: str) -> None:
    policy = department(name).section(SessionsPolicy)
    assert (policy.idle_lock, policy.lock_after_failures) == (timedelta(minutes=30), 5)
