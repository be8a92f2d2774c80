"""Signing on: passwords, locks, one-time passwords and the second factor."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import databases
import pyotp
import pytest
from databases import on_both
from standing import eventually
from unit.accounts.house import PASSWORD, House, codes, house

from platekeeper_access_audit.accounts import handlers
from platekeeper_access_audit.accounts.passwords import Passwords
from platekeeper_common.errors import Busy


async def test_a_login_answers_a_token_that_says_who_it_is(here: House) -> None:
    boss = await here.staffed()
    account_id = await here.hire(boss, "rivera")
    answer = (await here.try_login(" Rivera ")).json()
    assert (answer["token_type"], answer["expires_in"], answer["agency_id"]) == ("Bearer", 600, "pomona-pd")
    who = await here.standing.foundation.verifier.verify(answer["access_token"])
    assert (who.subject, who.username, who.organisation) == (account_id, "rivera", "Pomona Police Department")
    assert (who.roles, who.signed_on_at, who.training_until) == (frozenset({"officer"}), here.clock(), None)


@on_both
async def test_logins_at_an_account_leave_records_and_strangers_are_counted(here: House) -> None:
    await here.try_login("admin", "wrong password")
    await here.try_login("nobody", "wrong password")
    (refused,) = await eventually(lambda: here.records("login", "refused"))
    assert (refused.username, refused.code, refused.object_type) == ("admin", "credentials_wrong", "account")
    assert await eventually(lambda: [record.username for record in here.records("login")]) == ["admin"]
    await here.standing.apps["accounts"].state.strangers.record(here.room)
    (counted,) = await eventually(lambda: here.records("authenticate", "refused"))
    assert (counted.code, counted.count) == ("credentials_wrong", 2)


@on_both
@pytest.mark.clause("B8")
async def test_nobody_logs_in_without_a_record(here: House) -> None:
    url = here.standing.foundation.settings.database_of("accounts")
    await databases.run(url, "ALTER TABLE access_number RENAME TO hidden")
    right, wrong = await here.try_login("admin"), await here.try_login("admin", "wrong password")
    assert codes([right, wrong]) == ["audit_unavailable"] * 2
    assert (right.status_code, right.json()["clause"]) == (503, "B8")
    await databases.run(url, "ALTER TABLE hidden RENAME TO access_number")
    assert codes([await here.try_login("admin")]) == ["200"]


@on_both
@pytest.mark.clause("G2")
@pytest.mark.parametrize("username", ["admin", "nobody"])
async def test_five_failures_lock_a_username_and_time_releases_it(here: House, username: str) -> None:
    for _ in range(5):
        here.clock.advance(minutes=2)
        assert codes([await here.try_login(username, "wrong password")]) == ["credentials_wrong"]
    assert codes([await here.try_login(username), await here.try_login(username)]) == ["account_locked"] * 2
    health = (await here.client().get("/health/accounts")).json()
    assert health["counts"]["locked_accounts"] == (1 if username == "admin" else 0)
    here.clock.advance(minutes=14)
    assert codes([await here.try_login(username)]) == ["account_locked"]
    here.clock.advance(minutes=1)
    assert codes([await here.try_login(username)]) == ["200" if username == "admin" else "credentials_wrong"]


async def test_failures_that_are_far_apart_or_followed_by_success_do_not_lock(here: House) -> None:
    for _ in range(8):
        here.clock.advance(minutes=4)
        await here.try_login("admin", "wrong password")
    assert codes([await here.try_login("admin")]) == ["200"]
    for _ in range(4):
        await here.try_login("admin", "wrong password")
    assert codes([await here.try_login("admin"), await here.try_login("admin", "wrong password")]) == [
        "200",
        "credentials_wrong",
    ]
    assert codes([await here.try_login("admin")]) == ["200"]


@on_both
async def test_many_guesses_at_once_are_no_more_than_five(here: House) -> None:
    answers = await asyncio.gather(*(here.try_login("admin", f"wrong password {n}") for n in range(20)))
    assert sorted(codes(answers)) == ["account_locked"] * 15 + ["credentials_wrong"] * 5


async def test_a_one_time_password_must_be_changed(here: House) -> None:
    boss = await here.staffed()
    body = {"username": "rivera", "name": "Rivera", "title": "Officer", "roles": ["officer"]}
    once = (await boss.post("/v1/accounts", json=body)).json()["one_time_password"]
    tries = [
        await here.try_login("rivera", once),
        await here.try_login("rivera", once, new_password="too short"),
        await here.try_login("rivera", once, new_password=once),
        await here.try_login("rivera", "wrong", new_password=PASSWORD),
    ]
    assert codes(tries) == ["password_change_required", "password_too_short", "password_reused", "credentials_wrong"]
    assert [answer.status_code for answer in tries] == [403, 422, 422, 401]
    assert once not in "".join(answer.text for answer in tries)
    changed = await here.try_login("rivera", once, new_password=PASSWORD)
    assert codes([changed, await here.try_login("rivera", once), await here.try_login("rivera")]) == [
        "200",
        "credentials_wrong",
        "200",
    ]


async def test_changing_the_password_ends_earlier_tokens_and_not_the_new_one(here: House) -> None:
    boss = await here.staffed()
    account_id = await here.hire(boss, "rivera", "auditor")
    before = await here.login("rivera")
    here.clock.advance(seconds=5)
    after = await here.login("rivera", new_password="another long password")
    await here.until_revoked(f"pomona-pd/{account_id}")
    await eventually(lambda: max(event.before for event in here.revoked()) == here.clock())
    assert codes([await before.get("/v1/agencies"), await after.get("/v1/agencies")]) == ["token_revoked", "200"]


async def test_an_unknown_field_or_an_endless_password_is_refused_without_repeating_it(here: House) -> None:
    answer = await here.try_login("admin", "x" * 300, code="12345a")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "xxx" not in answer.text
    assert "12345a" not in answer.text


async def _enrolled(here: House, username: str) -> pyotp.TOTP:
    client = await here.login(username)
    answer = (await client.post("/v1/me/second-factor")).json()
    assert answer["otpauth_uri"].startswith(f"otpauth://totp/Platekeeper:{username}?secret={answer['secret']}")
    factor = pyotp.TOTP(answer["secret"])
    assert codes([await client.post("/v1/me/second-factor/confirm", json={"code": "000000"})]) == [
        "second_factor_wrong"
    ]
    confirmed = await client.post("/v1/me/second-factor/confirm", json={"code": factor.at(here.clock())})
    assert len(set(confirmed.json()["recovery_codes"])) == 10
    assert codes([await client.post("/v1/me/second-factor")]) == ["second_factor_present"]
    return factor


@pytest.mark.clause("G2")
async def test_a_second_factor_is_required_once_confirmed_and_a_code_works_once(here: House) -> None:
    factor = await _enrolled(here, "admin")
    spent = factor.at(here.clock())
    assert codes([await here.try_login("admin"), await here.try_login("admin", code=spent)]) == [
        "second_factor_required",
        "second_factor_wrong",
    ]
    here.clock.advance(seconds=30)
    code = factor.at(here.clock())
    assert codes([await here.try_login("admin", code=code), await here.try_login("admin", code=code)]) == [
        "200",
        "second_factor_wrong",
    ]
    here.clock.advance(seconds=90)
    assert codes([await here.try_login("admin", code=factor.at(here.clock() - timedelta(seconds=30)))]) == ["200"]
    assert codes([await here.try_login("admin", code=factor.at(here.clock() - timedelta(seconds=60)))]) == [
        "second_factor_wrong"
    ]


@on_both
async def test_the_same_code_at_the_same_moment_opens_one_session(here: House) -> None:
    factor = await _enrolled(here, "admin")
    here.clock.advance(seconds=30)
    code = factor.at(here.clock())
    answers = await asyncio.gather(*(here.try_login("admin", code=code) for _ in range(4)))
    assert sorted(codes(answers)).count("200") == 1


async def test_guessed_codes_lock_and_asking_without_a_code_does_not_undo_it(here: House) -> None:
    await _enrolled(here, "admin")
    for _ in range(5):
        assert codes([await here.try_login("admin")]) == ["second_factor_required"]
        assert codes([await here.try_login("admin", code="000000")]) == ["second_factor_wrong"]
    assert codes([await here.try_login("admin")]) == ["account_locked"]


async def test_an_unconfirmed_second_factor_counts_for_nothing(here: House) -> None:
    client = await here.platform()
    assert codes([await client.post("/v1/me/second-factor/confirm", json={"code": "000000"})]) == [
        "second_factor_absent"
    ]
    await client.post("/v1/me/second-factor")
    assert codes([await here.try_login("admin")]) == ["200"]


@on_both
async def test_a_reset_gives_a_one_time_password_and_takes_second_factor_and_lock_away(here: House) -> None:
    boss = await here.staffed()
    account_id = await here.hire(boss, "rivera")
    await _enrolled(here, "rivera")
    for _ in range(5):
        await here.try_login("rivera", "wrong password")
    reset = await boss.post(f"/v1/accounts/{account_id}/reset")
    assert reset.status_code == 200
    once = reset.json()["one_time_password"]
    assert codes([await here.try_login("rivera"), await here.try_login("rivera", once)]) == [
        "credentials_wrong",
        "password_change_required",
    ]
    assert codes([await here.try_login("rivera", once, new_password=PASSWORD + "2")]) == ["200"]


@on_both
async def test_the_first_administrator_is_made_once(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        assert here.admin_password
        assert await handlers.create_first_administrator(here.room) is None
    async with house(tmp_path / "var") as again:
        assert not again.admin_password
        assert codes([await again.try_login("admin"), await again.try_login("admin", here.admin_password)]) == [
            "200",
            "credentials_wrong",
        ]


@on_both
async def test_a_text_that_no_engine_should_keep_is_refused_at_open_doors_too(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        await here.staffed()
        anybody, nul = here.client(), "a\0b"
        login = {"username": "boss", "password": PASSWORD, "terminal": {"id": nul, "secret": "s"}}
        exchange = {"subject_token": nul, "actor_token": "b", "scope": "c", "authorization_details": "d"}
        answers = [
            await anybody.post("/v1/login", json=login),
            await anybody.post("/v1/session/unlock", json={"password": nul}),
            await anybody.post("/v1/token-exchange", data=exchange),
            await anybody.post("/v1/device-tokens", json={"device_id": nul, "secret": "s"}),
            await anybody.get("/v1/login/oidc", params={"agency_id": nul}),
        ]
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(422, "text_invalid")}
        answers = [
            await anybody.post("/v1/login", content=json.dumps(login), headers={"content-type": "application/x+json"}),
            await anybody.post("/v1/token-exchange", files={name: (None, value) for name, value in exchange.items()}),
        ]
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(415, "media_type_unknown")}


async def test_beyond_the_waiting_room_logins_are_told_to_come_again() -> None:
    passwords = Passwords(time_cost=1, memory_kib=8, parallelism=1, at_once=1, waiting=1)
    kept = await passwords.hash("a password")
    answers = await asyncio.gather(*(passwords.verify(kept, "a password") for _ in range(3)), return_exceptions=True)
    assert answers[:2] == [True, True]
    assert isinstance(answers[2], Busy)
    assert not await passwords.verify(kept, "another")
    assert not await passwords.verify(None, "a password")
