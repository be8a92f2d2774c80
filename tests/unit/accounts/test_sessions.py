"""Sessions: what a sign-on begins, a refresh token carries on once, and what ends it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from standing import eventually
from unit.accounts.house import FAST, PASSWORD, House, certificate, codes, house

COOKIE = "__Secure-platekeeper-refresh"


async def signed_on(here: House, username: str = "admin", **more: Any) -> dict[str, Any]:
    answer = await here.client().post("/v1/login", json={"username": username, "password": PASSWORD, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def refreshed(here: House, token: str | None) -> httpx.Response:
    return await here.client().post("/v1/session/refresh", json={"refresh_token": token})


@on_both
@pytest.mark.clause("G2")
async def test_a_refresh_token_carries_the_session_on_once(here: House) -> None:
    begun = await signed_on(here)
    here.clock.advance(minutes=9)
    second = (await refreshed(here, begun["refresh_token"])).json()
    here.clock.advance(minutes=9)
    verifier = here.standing.foundation.verifier
    first_who = await verifier.verify(second["access_token"])
    third = (await refreshed(here, second["refresh_token"])).json()
    who = await verifier.verify(third["access_token"])
    assert len({begun["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert (who.session, who.signed_on_at) == (first_who.session, first_who.signed_on_at)
    assert third["session_until"] == begun["session_until"]
    kept = here.rows("SELECT refresh_sha256 FROM session UNION SELECT sha256 FROM spent_refresh")
    assert not {begun["refresh_token"], third["refresh_token"]} & {row[0] for row in kept}


@on_both
@pytest.mark.clause("G2")
async def test_a_spent_refresh_token_ends_the_session_with_all_its_tokens(here: House) -> None:
    begun, other = await signed_on(here), await signed_on(here)
    carried_on = (await refreshed(here, begun["refresh_token"])).json()
    answers = [
        await refreshed(here, begun["refresh_token"]),
        await refreshed(here, carried_on["refresh_token"]),
        await refreshed(here, begun["refresh_token"]),
        await refreshed(here, "no token of ours"),
        await refreshed(here, None),
    ]
    assert codes(answers) == ["refresh_reused", "session_ended", "refresh_reused", "refresh_unknown", "refresh_missing"]
    assert {answer.status_code for answer in answers} == {401}
    [record] = await eventually(lambda: here.records("session.refresh", "refused"))
    assert record.code == "refresh_reused"
    tokens = [begun["access_token"], carried_on["access_token"]]
    await eventually(lambda: _refused(here, *tokens))
    assert codes([await here.client(other["access_token"]).get("/v1/agencies")]) == ["200"]


async def _refused(here: House, *tokens: str) -> bool:
    answers = [await here.client(token).get("/v1/agencies") for token in tokens]
    return codes(answers) == ["token_revoked"] * len(tokens)


@on_both
async def test_the_same_refresh_token_at_the_same_moment_carries_on_once(here: House) -> None:
    begun = await signed_on(here)
    answers = await asyncio.gather(*(refreshed(here, begun["refresh_token"]) for _ in range(4)))
    assert sorted(codes(answers)) == ["200", *["refresh_reused"] * 3]


@on_both
@pytest.mark.clause("G2")
async def test_signing_off_ends_one_session_and_no_other(here: House) -> None:
    desk, phone = await signed_on(here), await signed_on(here)
    ended = await here.client().post("/v1/session/end", json={"refresh_token": desk["refresh_token"]})
    assert ended.status_code == 204
    await eventually(lambda: _refused(here, desk["access_token"]))
    assert codes([await refreshed(here, desk["refresh_token"]), await refreshed(here, phone["refresh_token"])]) == [
        "session_ended",
        "200",
    ]
    await eventually(lambda: here.records("session.end"))


async def acts(here: House, token: str) -> None:
    """The person of the token does something, and accounts hear of it."""
    assert codes([await here.client(token).get("/v1/agencies")]) == ["200"]
    await eventually(lambda: _last_act(here) == here.clock())


def _last_act(here: House) -> datetime:
    [[at]] = here.rows("SELECT max(acted_at) FROM session")
    return at if isinstance(at, datetime) else datetime.fromisoformat(at).replace(tzinfo=UTC)


@on_both
@pytest.mark.clause("G2")
async def test_thirty_idle_minutes_lock_a_session_and_the_password_opens_it(here: House) -> None:
    begun = await signed_on(here)
    here.clock.advance(minutes=9)
    await acts(here, begun["access_token"])
    here.clock.advance(minutes=24)
    late = (await refreshed(here, begun["refresh_token"])).json()
    assert (late["expires_in"], late["locked"]) == (360, False)
    here.clock.advance(minutes=6)
    token = late["refresh_token"]
    gone = await here.client(late["access_token"]).get("/v1/agencies")
    locked = [await refreshed(here, token), await refreshed(here, token)]
    assert codes([gone, *locked]) == ["token_expired", "session_locked", "session_locked"]
    assert (locked[0].status_code, locked[0].json()["clause"]) == (401, "G2")
    assert codes([await unlocked(here, token, "wrong password")]) == ["credentials_wrong"]
    opened = await unlocked(here, token)
    assert (opened.json()["expires_in"], opened.json()["session_until"]) == (600, begun["session_until"])
    await acts(here, opened.json()["access_token"])
    [refused] = await eventually(lambda: here.records("session.unlock", "refused"))
    [allowed] = await eventually(lambda: here.records("session.unlock"))
    assert (refused.code, allowed.session) == ("credentials_wrong", allowed.object_id)


async def unlocked(here: House, token: str, password: str = PASSWORD) -> httpx.Response:
    return await here.client().post("/v1/session/unlock", json={"refresh_token": token, "password": password})


@pytest.mark.clause("G2")
async def test_guessing_at_the_lock_locks_the_username(here: House) -> None:
    begun = await signed_on(here)
    guesses = [await unlocked(here, begun["refresh_token"], f"wrong password {n}") for n in range(5)]
    assert codes([*guesses, await unlocked(here, begun["refresh_token"])]) == ["credentials_wrong"] * 5 + [
        "account_locked"
    ]


@pytest.mark.clause("G2")
async def test_refreshing_is_no_act_and_neither_is_being_refused(here: House) -> None:
    boss = await here.staffed()
    await here.hire(boss, "rivera")
    answer = await signed_on(here, "rivera")
    for _ in range(3):
        here.clock.advance(minutes=9)
        assert codes([await here.client(answer["access_token"]).get("/v1/accounts")]) == ["not_allowed"]
        answer = (await refreshed(here, answer["refresh_token"])).json()
    await eventually(lambda: len(here.records("account.view", "refused")) == 3)
    assert answer["expires_in"] == 180
    here.clock.advance(minutes=3)
    assert codes([await refreshed(here, answer["refresh_token"])]) == ["session_locked"]


@pytest.mark.clause("G2")
async def test_an_act_of_the_last_moment_keeps_the_session_awake_though_word_of_it_comes_late(tmp_path: Path) -> None:
    patient = {"accounts": FAST.model_copy(update={"acts_within": 20.0})}
    async with house(tmp_path / "var", own=patient) as here:
        begun = await signed_on(here)
        here.clock.advance(minutes=9)
        begun = (await refreshed(here, begun["refresh_token"])).json()
        for _ in range(2):
            here.clock.advance(minutes=9)
            begun = (await refreshed(here, begun["refresh_token"])).json()
        here.clock.advance(minutes=2, seconds=59)
        assert codes([await here.client(begun["access_token"]).get("/v1/agencies")]) == ["200"]
        here.clock.advance(seconds=1)
        assert codes([await refreshed(here, begun["refresh_token"])]) == ["200"]


@pytest.mark.clause("G2")
async def test_after_twelve_hours_a_person_signs_on_again(here: House) -> None:
    answer = await signed_on(here)
    for _ in range(29):
        here.clock.advance(minutes=24.5)
        answer = (await refreshed(here, answer["refresh_token"])).json()
        await acts(here, answer["access_token"])
    assert 0 < answer["expires_in"] <= 600
    here.clock.advance(minutes=10)
    assert codes([await refreshed(here, answer["refresh_token"])]) == ["session_ended"]


async def test_a_browser_keeps_the_refresh_token_out_of_reach_of_its_pages(here: House) -> None:
    answer = await here.client().post("/v1/login", json={"username": "admin", "password": PASSWORD, "cookie": True})
    assert answer.json()["refresh_token"] is None
    [told] = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/v1/session"} <= set(told.split("; "))
    kept = told.partition(";")[0].partition("=")[2]
    assert kept not in answer.text
    browser = here.client()
    browser.headers["Cookie"] = f"{COOKIE}={kept}"
    again = await browser.post("/v1/session/refresh")
    assert codes([again, await browser.post("/v1/session/end")]) == ["200", "refresh_reused"]
    assert again.headers.get_list("set-cookie")[0].partition(";")[0] != told.partition(";")[0]


@on_both
@pytest.mark.parametrize("act", ["disable", "reset"])
async def test_who_is_shut_out_carries_no_session_on(here: House, act: str) -> None:
    boss = await here.staffed()
    account_id = await here.hire(boss, "rivera")
    begun = await signed_on(here, "rivera")
    assert (await boss.post(f"/v1/accounts/{account_id}/{act}")).is_success
    assert codes([await refreshed(here, begun["refresh_token"])]) == ["session_ended"]
    await here.until_revoked(f"pomona-pd/{account_id}")


@pytest.mark.clause("C2")
async def test_training_binds_at_sign_on_and_roles_at_the_next_token(here: House) -> None:
    boss = await here.staffed()
    account_id, trainer_id = await here.hire(boss, "rivera"), await here.hire(boss, "sergeant", "trainer")
    await boss.put("/v1/posts/training_owner", json={"account_id": trainer_id})
    before = await signed_on(here, "rivera")
    trainer = await here.login("sergeant")
    assert (await trainer.post("/v1/training-certificates", json=certificate(here, account_id))).status_code == 201
    carried_on = (await refreshed(here, before["refresh_token"])).json()
    assert (before["training_until"], carried_on["training_until"]) == (None, None)
    trained = await signed_on(here, "rivera")
    assert trained["training_until"] is not None
    await here.run_sql("DELETE FROM training_certificate")
    here.clock.advance(minutes=9)
    assert (await refreshed(here, trained["refresh_token"])).json()["training_until"] == trained["training_until"]
    assert (await signed_on(here, "rivera"))["training_until"] is None


@on_both
async def test_a_dated_account_ends_with_its_day(here: House) -> None:
    boss = await here.staffed()
    await here.hire(boss, "rivera")
    begun = await signed_on(here, "rivera")
    here.clock.advance(minutes=5)
    await here.run_sql("UPDATE account SET valid_until = last_signed_on_at WHERE username = 'rivera'")
    answers = [await here.try_login("rivera"), await refreshed(here, begun["refresh_token"])]
    assert codes(answers) == ["account_expired"] * 2
    [record] = await eventually(lambda: here.records("login", "refused"))
    assert (record.code, record.clause) == ("account_expired", "B5")
