"""Passkeys: registered, used, refused, removed."""

from typing import Any

import httpx
import pytest
from databases import on_both
from standing import eventually
from unit.accounts.authenticator import Authenticator
from unit.accounts.house import House, codes


async def register(client: httpx.AsyncClient, key: Authenticator, name: str = "desk key") -> httpx.Response:
    """The answer to a registration of the authenticator's key."""
    asked = (await client.post("/v1/me/passkeys/options")).json()
    body = {"challenge_id": asked["challenge_id"], "name": name, "credential": key.create(asked["options"])}
    return await client.post("/v1/me/passkeys", json=body)


@on_both
@pytest.mark.clause("G2")
async def test_a_person_registers_lists_and_removes_passkeys(here: House) -> None:
    boss = await here.staffed()
    asked = (await boss.post("/v1/me/passkeys/options")).json()
    options = asked["options"]
    assert (asked["origin"], options["rp"]["id"]) == ("http://localhost:8080", "localhost")
    assert options["authenticatorSelection"]["userVerification"] == "required"
    key = Authenticator()
    made = await register(boss, key)
    assert made.status_code == 201, made.text
    assert [one["name"] for one in (await boss.get("/v1/me/passkeys")).json()] == ["desk key"]
    excluded = (await boss.post("/v1/me/passkeys/options")).json()["options"]["excludeCredentials"]
    assert [one["id"] for one in excluded] == [made.json()["id"]]
    assert codes([await register(boss, key)]) == ["passkey_taken"]
    admin = await here.platform()
    assert codes([await admin.delete(f"/v1/me/passkeys/{made.json()['id']}")]) == ["passkey_unknown"]
    assert codes([await boss.delete(f"/v1/me/passkeys/{made.json()['id']}")]) == ["204"]
    assert (await boss.get("/v1/me/passkeys")).json() == []
    await eventually(lambda: here.records("passkey.remove"))
    registered = [one for one in here.records("passkey.register") if one.object_type == "passkey"]
    assert [one.object_id for one in registered] == [made.json()["id"]]


LIES: list[dict[str, Any]] = [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"verifies": False}]


@pytest.mark.clause("G2")
@pytest.mark.parametrize("lie", LIES, ids=min)
async def test_a_passkey_from_elsewhere_or_without_its_person_is_not_taken(here: House, lie: dict[str, Any]) -> None:
    answer = await register(await here.platform(), Authenticator(**lie))
    assert (answer.status_code, answer.json()["code"]) == (422, "passkey_not_proved")
    assert (await eventually(lambda: here.records("passkey.register", "refused")))[0].code == "passkey_not_proved"


async def _made(client: httpx.AsyncClient) -> dict[str, Any]:
    """A registration that was not sent yet."""
    asked = (await client.post("/v1/me/passkeys/options")).json()
    credential = Authenticator().create(asked["options"])
    return {"challenge_id": asked["challenge_id"], "name": "key", "credential": credential}


@pytest.mark.clause("G2")
async def test_a_challenge_is_one_persons_works_once_and_for_five_minutes(here: House) -> None:
    boss, admin = await here.staffed(), await here.platform()
    made = await _made(boss)
    for client in (admin, boss):
        assert codes([await client.post("/v1/me/passkeys", json=made)]) == ["challenge_unknown"]
    made = await _made(boss)
    here.clock.advance(minutes=4, seconds=59)
    for answer in ("201", "challenge_unknown"):
        assert codes([await boss.post("/v1/me/passkeys", json=made)]) == [answer]
    made = await _made(boss)
    here.clock.advance(minutes=5)
    boss = await here.login("boss")
    assert codes([await boss.post("/v1/me/passkeys", json=made)]) == ["challenge_unknown"]
