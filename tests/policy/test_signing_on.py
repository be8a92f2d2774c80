"""Signing on, terminals, idle locks, second factors, revocation, through the public door (clauses A3, C1, G2)."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyotp
import pytest
from databases import on_both
from httpx_sse import ServerSentEvent, aconnect_sse
from profiles import DEPARTMENTS, department
from standing import eventually
from unit.accounts.house import PASSWORD, House, certificate, codes, house
from unit.hotlist.scene import serving

from platekeeper_access_audit.accounts.dormancy.handlers import close_unused
from platekeeper_access_audit.accounts.policy import SessionsPolicy
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common.errors import Unauthenticated
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.ids import AgencyId, DeviceId
from platekeeper_hotlist.service import SERVICE as HOTLIST

USE = {"purpose": "routine_patrol", "matter_type": "patrol"}
POMONA = {"latitude": 34.055, "longitude": -117.75}
NEXT_DOOR = {"latitude": 34.06, "longitude": -117.74}
FRESNO = {"latitude": 36.74, "longitude": -119.78}
"""Some 350 km away."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    """Accounts and hot lists; the agency with its administrator, a trainer in office and the trained officer rivera."""
    async with house(tmp_path / "var", services=(ACCOUNTS, HOTLIST)) as standing:
        yield standing


class Station:
    """The agency's people."""

    def __init__(self, here: House, boss: httpx.AsyncClient) -> None:
        self.here, self.boss = here, boss
        self.accounts: dict[str, str] = {}

    async def hire(self, username: str, *roles: str, trained: bool = True) -> str:
        self.accounts[username] = account_id = await self.here.hire(self.boss, username, *roles)
        if trained:
            trainer = await self.here.login("sergeant")
            answer = await trainer.post("/v1/training-certificates", json=certificate(self.here, account_id))
            assert answer.status_code == 201, answer.text
        return account_id

    async def terminal(self, kind: str, **more: Any) -> dict[str, str]:
        answer = await self.boss.post("/v1/terminals", json={"name": f"A {kind}", "kind": kind, **more})
        assert answer.status_code == 201, answer.text
        return {"id": answer.json()["id"], "secret": answer.json()["secret"]}

    async def go_live(self) -> None:
        answer = await (await self.here.platform()).post("/v1/agencies/pomona-pd/go-live")
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def station(here: House) -> Station:
    boss = await here.staffed()
    standing = Station(here, boss)
    sergeant = await standing.hire("sergeant", "trainer", trained=False)
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    await standing.hire("rivera")
    return standing


async def sign_on(here: House, username: str = "rivera", **more: Any) -> httpx.Response:
    return await here.client().post("/v1/login", json={"username": username, "password": PASSWORD, **more})


async def signed_on(here: House, username: str = "rivera", **more: Any) -> dict[str, Any]:
    answer = await sign_on(here, username, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def carried_on(here: House, begun: dict[str, Any]) -> httpx.Response:
    return await here.client().post("/v1/session/refresh", json={"refresh_token": begun["refresh_token"]})


async def hits(here: House, begun: dict[str, Any]) -> httpx.Response:
    return await here.client(begun["access_token"]).get("/v1/hits", params=USE)


async def notices(here: House, begun: dict[str, Any]) -> list[str]:
    answer = await here.client(begun["access_token"]).get("/v1/me/notices")
    return [notice["kind"] for notice in answer.json()]


@on_both
@pytest.mark.clause("C1")
async def test_no_workstation_is_operated_without_a_current_certificate(here: House, station: Station) -> None:
    await station.hire("recruit", trained=False)
    for kind in ("desk", "car", "dispatch", "phone"):
        terminal = await station.terminal(kind)
        refused, trained = await sign_on(here, "recruit", terminal=terminal), await sign_on(here, terminal=terminal)
        assert codes([refused, trained]) == ["training_missing", "200"]
        assert (refused.status_code, refused.json()["clause"]) == (403, "C1")
        who = await here.standing.foundation.verifier.verify(trained.json()["access_token"])
        assert who.terminal is not None
        assert (who.terminal.id, who.terminal.kind) == (terminal["id"], kind)
    attempts = await eventually(lambda: len(found := here.records("login", "refused")) == 4 and found)
    assert {(record.username, record.code, record.clause) for record in attempts} == {
        ("recruit", "training_missing", "C1")
    }
    here.clock.advance(days=80)
    await signed_on(here, terminal=terminal)
    await here.run_sql("UPDATE training_certificate SET valid_until = certified_at")
    assert codes([await sign_on(here, terminal=terminal)]) == ["training_missing"]
    assert codes([await sign_on(here, "sergeant", terminal=terminal)]) == ["200"]


@on_both
async def test_a_terminal_is_known_by_its_secret_and_only_in_its_agency(here: House, station: Station) -> None:
    desk = await station.terminal("desk", position=POMONA)
    listed = (await station.boss.get("/v1/terminals")).json()
    assert [(one["id"], one["position"], one["retired_at"]) for one in listed] == [(desk["id"], POMONA, None)]
    assert "secret" not in listed[0]
    tries = [
        await sign_on(here, terminal=desk | {"secret": "wrong"}),
        await sign_on(here, terminal=desk | {"id": "no such"}),
        await sign_on(here, "admin", terminal=desk),
    ]
    assert codes(tries) == ["terminal_unknown"] * 3
    begun = await signed_on(here, terminal=desk)
    assert (await station.boss.post(f"/v1/terminals/{desk['id']}/retire")).status_code == 204
    again = await station.boss.post(f"/v1/terminals/{desk['id']}/retire")
    assert codes([again, await carried_on(here, begun), await sign_on(here, terminal=desk)]) == [
        "terminal_retired",
        "session_ended",
        "terminal_unknown",
    ]
    officer = here.client((await signed_on(here))["access_token"])
    assert codes([await officer.post("/v1/terminals", json={"name": "Mine", "kind": "desk"})]) == ["not_administrator"]


@on_both
@pytest.mark.clause("A3")
async def test_a_car_belongs_to_who_signed_on_last_and_desk_car_and_phone_go_together(
    here: House, station: Station
) -> None:
    await station.hire("chen")
    desk, car, phone = [await station.terminal(kind) for kind in ("desk", "car", "phone")]
    together = [await signed_on(here, terminal=terminal) for terminal in (desk, car, phone)]
    assert codes([await hits(here, begun) for begun in together]) == ["200"] * 3
    await signed_on(here, "chen", terminal=desk)
    next_shift = await signed_on(here, "chen", terminal=car)
    await eventually(lambda: _codes(here, together, ["200", "token_revoked", "200"]))
    assert codes([await carried_on(here, begun) for begun in together]) == ["200", "session_ended", "200"]
    assert codes([await hits(here, next_shift)]) == ["200"]


async def _codes(here: House, begun: list[dict[str, Any]], expected: list[str]) -> bool:
    return codes([await hits(here, one) for one in begun]) == expected


@pytest.mark.clause("G2")
@pytest.mark.parametrize("kind", ["car", "dispatch", "desk"])
async def test_an_idle_car_and_dispatcher_keep_receiving_hits_and_nothing_else(
    here: House, station: Station, kind: str
) -> None:
    begun = await signed_on(here, terminal=await station.terminal(kind))
    here.clock.advance(minutes=29)
    awake = (await carried_on(here, begun)).json()
    assert (awake["locked"], awake["expires_in"]) == (False, 60)
    not_stated = await here.client(awake["access_token"]).get("/v1/hits")
    assert codes([not_stated]) == ["purpose_required"], "awake, and what is refused is no act"
    here.clock.advance(minutes=1)
    answer = await carried_on(here, awake)
    if kind == "desk":
        assert codes([answer]) == ["session_locked"]
        return
    locked = answer.json()
    assert (locked["locked"], locked["expires_in"]) == (True, 600)
    client = here.client(locked["access_token"])
    listing = {"name": "Stolen", "source": "dept", **USE}
    answers = [
        await client.get("/v1/hits/stream"),
        await client.post("/v1/hotlists", json=listing),
        await client.get("/v1/hits", params=USE),
        await client.get("/v1/hotlists", params=USE),
        await client.get("/v1/agencies"),
    ]
    assert codes(answers) == ["purpose_required"] + ["session_locked"] * 4, "the stream alone asks on"
    assert (answers[1].status_code, answers[1].json()["clause"]) == (401, "G2")
    here.clock.advance(minutes=9)
    locked = (await carried_on(here, locked)).json()
    assert locked["locked"], "receiving hits is no act"
    unlock = {"refresh_token": locked["refresh_token"], "password": PASSWORD}
    opened = (await here.client().post("/v1/session/unlock", json=unlock)).json()
    assert not opened["locked"]
    assert codes([await here.client(opened["access_token"]).get("/v1/hotlists", params=USE)]) == ["200"]


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


async def enrolled(here: House, begun: dict[str, Any]) -> pyotp.TOTP:
    client = here.client(begun["access_token"])
    answer = (await client.post("/v1/me/second-factor")).json()
    assert answer["qr_svg"].startswith("<svg")
    factor = pyotp.TOTP(answer["secret"])
    confirmed = await client.post("/v1/me/second-factor/confirm", json={"code": factor.at(here.clock())})
    begun["recovery_codes"] = confirmed.json()["recovery_codes"]
    return factor


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
    assert {record.subject for record in closed} == {"service:accounts"}
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


@pytest.mark.clause("G2")
async def test_keys_are_renewed_without_one_refused_request(here: House, station: Station) -> None:
    here.clock.advance(minutes=1)
    refused: list[str] = []
    asked = 0
    begun = await signed_on(here, "boss")
    kids: set[str] = set()
    for step in range(90):
        if step % 30 == 5:
            await here.room.signing.make()
        here.clock.advance(minutes=3)
        if step % 2:
            begun = await signed_on(here, "boss", device_token=begun["device_token"])
        answer = await here.client(begun["access_token"]).get("/v1/agencies")
        asked += 1
        refused += [answer.json()["code"]] if answer.is_error else []
        kids.add(begun["access_token"].partition(".")[0])
    assert (asked, refused) == (90, [])
    assert len(kids) == 4


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("G2")
@pytest.mark.parametrize("who", ["person", "agency", "terminal"])
async def test_what_is_revoked_is_worth_nothing_within_ten_seconds_open_streams_included(
    here: House, station: Station, who: str
) -> None:
    car = await station.terminal("car")
    begun = await signed_on(here, terminal=car)
    doors = {
        "person": f"/v1/accounts/{station.accounts['rivera']}/revoke-tokens",
        "agency": "/v1/agencies/pomona-pd/revoke-tokens",
        "terminal": f"/v1/terminals/{car['id']}/retire",
    }
    async with serving(here) as url, stream(url, begun["access_token"]) as (told, opened):
        await opened.wait()
        here.clock.advance(seconds=1)
        began = time.monotonic()
        assert (await station.boss.post(doors[who])).status_code == 204
        await eventually(lambda: told)
        taken = time.monotonic() - began
    assert (told[0].event, told[0].json()["code"]) == ("error", "token_revoked")
    assert taken < 10
    assert codes([await hits(here, begun), await carried_on(here, begun)]) == ["token_revoked", "session_ended"]
    others = codes([await station.boss.get("/v1/agencies")])
    assert others == ["token_revoked" if who == "agency" else "200"]


@asynccontextmanager
async def stream(url: str, token: str) -> AsyncIterator[tuple[list[ServerSentEvent], asyncio.Event]]:
    """What an open stream of hits tells, and when it is open."""
    told: list[ServerSentEvent] = []
    opened = asyncio.Event()

    async def listen() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client,
            aconnect_sse(client, "GET", "/v1/hits/stream", params=USE, headers=headers) as source,
        ):
            source.response.raise_for_status()
            opened.set()
            async for event in source.aiter_sse():
                told.append(event)  # noqa: PERF401 - others read the list while it grows

    task = asyncio.create_task(listen())
    try:
        yield told, opened
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@on_both
@pytest.mark.clause("A3")
async def test_a_devices_tokens_are_revoked_alone_or_with_the_device(here: House, station: Station) -> None:
    secret = "of a device"
    said = DeviceChanged(
        agency_id=AgencyId("pomona-pd"),
        device_id=DeviceId("device-1"),
        name="Gateway",
        kind="gateway",
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        cameras=(),
    )
    bus, verify = here.standing.foundation.bus, here.standing.foundation.verifier.verify
    await bus.publish([said], source="ingest")

    async def token() -> str:
        body = {"device_id": "device-1", "secret": secret}
        answer = await here.client().post("/v1/device-tokens", json=body)
        return str(answer.json().get("access_token", ""))

    async def refused(given: str) -> bool:
        try:
            await verify(given)
        except Unauthenticated as error:
            return error.code == "token_revoked"
        return False

    first = await eventually(token)
    here.clock.advance(seconds=1)
    strange = await station.boss.post("/v1/device-tokens/device-2/revoke")
    revoked = await station.boss.post("/v1/device-tokens/device-1/revoke")
    assert (strange.json()["code"], revoked.status_code) == ("device_unknown", 204)
    await eventually(lambda: refused(first))
    second = await token()
    assert (await verify(second)).kind == "device"
    here.clock.advance(seconds=1)
    await bus.publish([msgspec.structs.replace(said, retired=True)], source="ingest")
    await eventually(lambda: refused(second))
    assert await token() == ""


@pytest.mark.clause("A3")
async def test_a_machines_account_opens_no_plate_data(here: House, station: Station) -> None:
    account_id = await here.hire(station.boss, "cad-link", "service")
    trainer = await here.login("sergeant")
    await trainer.post("/v1/training-certificates", json=certificate(here, account_id))
    refused = await hits(here, await signed_on(here, "cad-link"))
    assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (403, "shared_account", "A3")
