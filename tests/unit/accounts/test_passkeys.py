"""Passkeys: registered, used, refused, removed."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from databases import on_both
from pydantic import ValidationError
from standing import eventually
from unit.accounts.authenticator import Authenticator
from unit.accounts.house import FAST, House, codes, house

from platekeeper_access_audit.accounts.room import AccountsSettings


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
    registered = await eventually(
        lambda: [one for one in here.records("passkey.register") if one.object_type == "passkey"]
    )
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


async def login(here: House, key: Authenticator, **more: Any) -> httpx.Response:
    """The answer to a login with the authenticator's key."""
    asked = (await here.client().post("/v1/login/passkey/options")).json()
    body = {"challenge_id": asked["challenge_id"], "credential": key.get(asked["options"]), **more}
    return await here.client().post("/v1/login/passkey", json=body)


async def _keyed(here: House, username: str = "rivera") -> tuple[Authenticator, str]:
    """A person with a passkey, in a staffed agency; the key and the account's id."""
    key = Authenticator()
    account_id = await here.hire(await here.staffed(), username)
    assert codes([await register(await here.login(username), key)]) == ["201"]
    return key, account_id


@on_both
@pytest.mark.clause("G2")
async def test_a_passkey_is_password_and_second_factor_in_one(here: House) -> None:
    key, account_id = await _keyed(here)
    answer = await login(here, key)
    assert answer.status_code == 200, answer.text
    who = await here.standing.foundation.verifier.verify(answer.json()["access_token"])
    assert (who.subject, who.methods, who.signed_on_at) == (account_id, ("hwk", "user"), here.clock())
    assert await eventually(lambda: [one for one in here.records("login") if one.subject == account_id][1:])
    kept = await login(here, key, cookie=True)
    assert kept.json()["refresh_token"] is None
    assert "HttpOnly" in kept.headers["set-cookie"]
    [one] = (await here.client(answer.json()["access_token"]).get("/v1/me/passkeys")).json()
    assert one["used_at"] is not None


@on_both
@pytest.mark.clause("G2")
async def test_wrong_answers_of_a_passkey_are_recorded_and_lock_the_username(here: House) -> None:
    key, account_id = await _keyed(here)
    other = Authenticator(credential_id=key.credential_id, handle=key.handle, counter=100)
    lies: list[dict[str, Any]] = [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"verifies": False}]
    answers = [await login(here, other)]
    for lie in lies:
        for name, value in lie.items():
            kept = getattr(key, name)
            setattr(key, name, value)
            answers.append(await login(here, key))
            setattr(key, name, kept)
    key.handle = None if key.handle is None else "b3RoZXI"
    answers.append(await login(here, key))
    assert codes(answers) == ["passkey_wrong"] * 5
    assert codes([await login(here, key), await here.try_login("rivera")]) == ["account_locked"] * 2
    refused = await eventually(lambda: here.records("login", "refused")[4:] and here.records("login", "refused"))
    assert {(one.subject, one.code) for one in refused} == {(account_id, "passkey_wrong")}
    assert codes([await login(here, Authenticator())]) == ["passkey_wrong"]


@pytest.mark.clause("G2")
async def test_a_counter_that_does_not_rise_betrays_a_copy(here: House) -> None:
    key, _ = await _keyed(here)
    assert codes([await login(here, key), await login(here, key)]) == ["200", "200"]
    key.counter = 1
    assert codes([await login(here, key)]) == ["passkey_copied"]
    key.counter, key.counts = 0, False
    assert codes([await login(here, key)]) == ["passkey_copied"]
    uncounted = Authenticator(counts=False)
    await register(await here.login("boss"), uncounted)
    assert codes([await login(here, uncounted), await login(here, uncounted)]) == ["200", "200"]


@on_both
@pytest.mark.clause("G2")
async def test_a_password_alone_makes_no_second_factor_beside_one_and_takes_none_away(here: House) -> None:
    boss, before, key = await here.staffed(), await here.login("boss"), Authenticator()
    secret = (await before.post("/v1/me/second-factor")).json()["secret"]
    made = await _made(before)
    passkey = (await register(boss, key)).json()["id"]
    with_password = await here.login("boss")
    code = {"code": pyotp.TOTP(secret).at(here.clock())}
    tries = [
        await with_password.post("/v1/me/second-factor"),
        await with_password.post("/v1/me/passkeys/options"),
        await with_password.delete(f"/v1/me/passkeys/{passkey}"),
        await before.post("/v1/me/second-factor/confirm", json=code),
        await before.post("/v1/me/passkeys", json=made),
    ]
    assert codes(tries) == ["second_factor_owed"] * 5
    assert {(answer.status_code, answer.json()["clause"]) for answer in tries} == {(401, "G2")}
    with_key = here.client((await login(here, key)).json()["access_token"])
    secret = (await with_key.post("/v1/me/second-factor")).json()["secret"]
    code = {"code": pyotp.TOTP(secret).at(here.clock())}
    assert codes([await with_key.post("/v1/me/second-factor/confirm", json=code)]) == ["200"]
    assert codes([await with_password.delete(f"/v1/me/passkeys/{passkey}")]) == ["second_factor_owed"]
    assert codes([await boss.delete(f"/v1/me/passkeys/{passkey}")]) == ["204"]
    assert codes([await with_password.post("/v1/me/passkeys/options")]) == ["second_factor_owed"]


@on_both
async def test_an_answer_works_once_however_often_it_is_sent_at_once(here: House) -> None:
    key, _ = await _keyed(here)
    asked = (await here.client().post("/v1/login/passkey/options")).json()
    body = {"challenge_id": asked["challenge_id"], "credential": key.get(asked["options"])}
    answers = await asyncio.gather(*(here.client().post("/v1/login/passkey", json=body) for _ in range(4)))
    assert sorted(codes(answers)) == ["200", *["challenge_unknown"] * 3]
    asked = (await here.client().post("/v1/login/passkey/options")).json()
    body = {"challenge_id": asked["challenge_id"], "credential": key.get(asked["options"])}
    here.clock.advance(minutes=5)
    assert codes([await here.client().post("/v1/login/passkey", json=body)]) == ["challenge_unknown"]


@on_both
@pytest.mark.clause("G2")
async def test_a_disabled_or_reset_account_opens_to_no_passkey(here: House) -> None:
    key, account_id = await _keyed(here)
    boss = await here.login("boss")
    assert codes([await boss.post(f"/v1/accounts/{account_id}/reset")]) == ["200"]
    assert codes([await login(here, key)]) == ["passkey_wrong"]
    assert here.rows("SELECT count(*) FROM passkey")[0][0] == 0
    second, other = Authenticator(), await here.hire(boss, "lopez")
    await register(await here.login("lopez"), second)
    assert codes([await boss.post(f"/v1/accounts/{other}/disable"), await login(here, second)]) == [
        "204",
        "passkey_wrong",
    ]
    assert (await eventually(lambda: [one for one in here.records("login", "refused") if one.subject == other]))[0]


@on_both
@pytest.mark.clause("G2")
async def test_a_passkey_unlocks_the_session_of_its_own_person(here: House) -> None:
    key, _ = await _keyed(here)
    strange = Authenticator()
    await register(await here.login("boss"), strange)
    begun = (await login(here, key)).json()
    here.clock.advance(minutes=30)

    async def unlock(using: Authenticator) -> httpx.Response:
        kept = {"refresh_token": begun["refresh_token"]}
        asked = (await here.client().post("/v1/session/unlock/passkey/options", json=kept)).json()
        body = kept | {"challenge_id": asked["challenge_id"], "credential": using.get(asked["options"])}
        return await here.client().post("/v1/session/unlock/passkey", json=body)

    locked = await here.client().post("/v1/session/refresh", json={"refresh_token": begun["refresh_token"]})
    assert codes([locked]) == ["session_locked"]
    assert codes([await unlock(strange)]) == ["passkey_wrong"]
    awake = await unlock(key)
    assert awake.status_code == 200, awake.text
    who = await here.standing.foundation.verifier.verify(awake.json()["access_token"])
    assert (who.locked, who.methods) == (False, ("hwk", "user"))
    assert await eventually(lambda: here.records("session.unlock"))


@pytest.mark.clause("G2")
async def test_at_an_ip_address_passkeys_say_that_they_need_a_host_name(tmp_path: Path) -> None:
    own = {"accounts": FAST.model_copy(update={"origin": "https://10.0.0.5"})}
    async with house(tmp_path / "var", own=own) as here:
        answer = await here.client().post("/v1/login/passkey/options")
    assert (answer.status_code, answer.json()["code"]) == (409, "passkeys_need_host_name")
    assert "10.0.0.5" in answer.json()["detail"]


WRONG = ["http://alpr.example.gov", "https://alpr.example.gov/", "alpr.example.gov", "https://a@b"]


@pytest.mark.parametrize("wrong", WRONG)
def test_an_origin_is_encrypted_or_this_machines_own(wrong: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        AccountsSettings(origin=wrong)
