"""Trusted issuers: registered fitly, believed only when their word holds, our second factor where they have none."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from databases import on_both
from joserfc.jwk import RSAKey
from standing import AGENCY, TestClock, eventually
from unit.accounts.false_issuer import FalseIssuer, another_key, false_issuer, secret_of
from unit.accounts.house import House, codes, house
from unit.accounts.trusted import Realm

from platekeeper_common.clock import utc_now
from platekeeper_common.events.public import PolicyPublished

BROWSER = "__Secure-platekeeper-login"


@pytest.fixture
async def issuer(here: House) -> AsyncIterator[FalseIssuer]:
    async with false_issuer(here.clock) as standing:
        yield standing


async def trusted(here: House, issuer: FalseIssuer, **more: Any) -> httpx.AsyncClient:
    """An agency with the issuer and the officer `rivera`; its administrator's client."""
    boss = await here.staffed()
    await here.hire(boss, "rivera")
    await here.trust(boss, await here.in_office(boss), registration(issuer.url, **more))
    return boss


def registration(url: str, **more: Any) -> dict[str, Any]:
    about = {"issuer": url, "client_id": "platekeeper", "client_secret": "secret", "second_factor_acr": ["2"]}
    return about | more


async def sent(here: House) -> tuple[str, dict[str, str]]:
    """Where a browser that begins a login is sent, and its cookie."""
    answer = await here.client().get("/v1/login/oidc", params={"agency_id": "pomona-pd"})
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Secure", "Path=/v1/login/oidc"))
    return answer.headers["location"], {"Cookie": cookie.partition(";")[0]}


async def login(here: House, issuer: FalseIssuer, **different: Any) -> httpx.Response:
    url, cookie = await sent(here)
    return await here.client().post("/v1/login/oidc", json=issuer.visited(url) | different, headers=cookie)


@on_both
@pytest.mark.clause("G2")
async def test_an_issuer_that_asserts_a_second_factor_signs_on(here: House, issuer: FalseIssuer) -> None:
    boss = await trusted(here, issuer)
    assert (await here.client().get("/v1/login/issuers")).json() == [
        {"agency_id": "pomona-pd", "agency": "Pomona Police Department"}
    ]
    shown = (await boss.get("/v1/issuer")).json()
    assert "client_secret" not in shown
    answer = await login(here, issuer)
    assert answer.status_code == 200, answer.text
    who = await here.standing.foundation.verifier.verify(answer.json()["access_token"])
    assert (who.username, who.methods, who.signed_on_at) == ("rivera", ("fed", "mfa"), here.clock())
    asked = issuer.asked
    assert (asked["code_challenge_method"], asked["prompt"], asked["redirect_uri"]) == (
        "S256",
        "login",
        "http://localhost:8080/login",
    )
    kept = here.rows("SELECT client_secret FROM issuer")[0][0]
    assert b"secret" not in bytes(kept)
    assert (await eventually(lambda: here.records("issuer.register")))[0].query is not None


@on_both
@pytest.mark.clause("G2")
async def test_without_its_word_the_own_second_factor_is_asked_for(here: House, issuer: FalseIssuer) -> None:
    await trusted(here, issuer, second_factor_acr=["3"], second_factor_amr=["otp"])
    answer = await login(here, issuer)
    who = await here.standing.foundation.verifier.verify(answer.json()["access_token"])
    assert who.methods == ("fed",)
    client = here.client(answer.json()["access_token"])
    factor = pyotp.TOTP((await client.post("/v1/me/second-factor")).json()["secret"])
    assert (await client.post("/v1/me/second-factor/confirm", json={"code": factor.at(here.clock())})).is_success
    here.clock.advance(seconds=60)
    url, cookie = await sent(here)
    brought = issuer.visited(url)
    wrong = "000000" if factor.at(here.clock()) != "000000" else "111111"
    answers = []
    for code in (None, wrong, factor.at(here.clock()), factor.at(here.clock())):
        body = brought | ({"code": code} if code else {})
        answers.append(await here.client().post("/v1/login/oidc", json=body, headers=cookie))
    assert codes(answers) == ["second_factor_required", "second_factor_wrong", "200", "login_unknown"]
    who = await here.standing.foundation.verifier.verify(answers[2].json()["access_token"])
    assert who.methods == ("fed", "otp", "mfa")
    issuer.claims = {"amr": ["pwd", "otp"]}
    assert codes([await login(here, issuer)]) == ["200"]


LIES: list[dict[str, Any]] = [
    {"iss": "https://elsewhere.example"},
    {"aud": "another-client"},
    {"aud": ["platekeeper", "another-client"]},
    {"nonce": "another"},
    {"nonce": None},
    {"exp": 1},
    {"exp": None},
    {"sub": None},
    {"auth_time": None},
    {"auth_time": 1},
]


@pytest.mark.clause("G2")
async def test_a_word_that_proves_nothing_is_not_taken(here: House, issuer: FalseIssuer) -> None:
    await trusted(here, issuer)
    answers = []
    for lie in LIES:
        issuer.claims = lie
        answers.append(await login(here, issuer))
    assert codes(answers) == ["issuer_word_wrong"] * len(LIES)
    issuer.claims, true = {}, issuer.key
    for key, header in (
        (secret_of(true), {"alg": "HS256", "kid": "one"}),
        (another_key(), {"alg": "ES256", "kid": "one"}),
        (RSAKey.generate_key(2048), {"alg": "RS256", "kid": "one"}),
        (true, {"alg": "RS512", "kid": "one"}),
    ):
        issuer.key, issuer.header = key, header
        assert codes([await login(here, issuer)]) == ["issuer_word_wrong"], header
    issuer.key, issuer.header = true, {"alg": "RS256", "kid": "one"}
    issuer.visited((await sent(here))[0])
    said = issuer.token()["id_token"].split(".")[1]
    issuer.token_answer = {"id_token": f"eyJhbGciOiJub25lIn0.{said}."}
    assert codes([await login(here, issuer)]) == ["issuer_word_wrong"]
    issuer.token_answer = {}
    assert codes([await login(here, issuer)]) == ["issuer_word_wrong"]
    issuer.token_answer = None
    assert codes([await login(here, issuer, iss="https://elsewhere.example")]) == ["issuer_word_wrong"]
    assert codes([await login(here, issuer, iss=None), await login(here, issuer)]) == ["issuer_word_wrong", "200"]


@on_both
@pytest.mark.clause("G2")
async def test_a_login_is_one_browsers_and_ends_once(here: House, issuer: FalseIssuer) -> None:
    await trusted(here, issuer)
    url, cookie = await sent(here)
    brought = issuer.visited(url)
    _, another = await sent(here)
    client = here.client()
    answers = [
        await client.post("/v1/login/oidc", json=brought),
        await client.post("/v1/login/oidc", json=brought, headers=another),
        await client.post("/v1/login/oidc", json=brought | {"state": "invented"}, headers=cookie),
        await client.post("/v1/login/oidc", json=brought, headers=cookie),
        await client.post("/v1/login/oidc", json=brought, headers=cookie),
    ]
    assert codes(answers) == [*["login_unknown"] * 3, "200", "login_unknown"]
    url, cookie = await sent(here)
    here.clock.advance(minutes=10)
    late = await client.post("/v1/login/oidc", json=issuer.visited(url), headers=cookie)
    assert codes([late]) == ["login_unknown"]


@on_both
@pytest.mark.clause("G2")
async def test_an_account_belongs_to_the_first_subject_that_had_its_username(here: House, issuer: FalseIssuer) -> None:
    boss = await trusted(here, issuer)
    issuer.claims = {"preferred_username": "nobody"}
    assert codes([await login(here, issuer)]) == ["issuer_account_unknown"]
    issuer.claims = {"preferred_username": "admin"}  # the platform's own account is no agency's
    assert codes([await login(here, issuer)]) == ["issuer_account_unknown"]
    issuer.claims = {}
    assert codes([await login(here, issuer)]) == ["200"]
    issuer.claims = {"sub": "subject-two"}
    assert codes([await login(here, issuer)]) == ["issuer_link_wrong"]
    issuer.claims = {"preferred_username": "rivera-lopez"}
    assert codes([await login(here, issuer)]) == ["200"]
    [rivera] = [one for one in (await boss.get("/v1/accounts")).json() if one["username"] == "rivera"]
    assert codes([await boss.post(f"/v1/accounts/{rivera['id']}/disable"), await login(here, issuer)]) == [
        "204",
        "account_disabled",
    ]
    refused = await eventually(lambda: here.records("login", "refused")[1:] and here.records("login", "refused"))
    assert [one.code for one in refused] == ["issuer_link_wrong", "account_disabled"]
    assert {one.subject for one in refused} == {rivera["id"]}


@pytest.mark.clause("G2")
async def test_an_email_names_an_account_only_when_the_issuer_verified_it(here: House, issuer: FalseIssuer) -> None:
    boss = await trusted(here, issuer, username_claim="email")
    await here.hire(boss, "lopez@example.gov")
    issuer.claims = {"email": "lopez@example.gov"}
    assert codes([await login(here, issuer)]) == ["issuer_account_unknown"]
    issuer.claims["email_verified"] = True
    assert codes([await login(here, issuer)]) == ["200"]


@on_both
@pytest.mark.clause("G2")
async def test_passwords_end_once_the_administrator_came_in_without_one(here: House, issuer: FalseIssuer) -> None:
    boss = await trusted(here, issuer)
    off = registration(issuer.url, passwords=False)
    assert codes([await boss.put("/v1/issuer", json=off)]) == ["issuer_untried"]
    issuer.claims = {"sub": "boss-there", "preferred_username": "boss"}
    boss = here.client((await login(here, issuer)).json()["access_token"])
    del off["client_secret"]
    assert codes([await boss.put("/v1/issuer", json=off)]) == ["200"]
    right, wrong = await here.try_login("rivera"), await here.try_login("rivera", "wrong password")
    assert codes([right, wrong, await here.try_login("admin")]) == ["password_login_off", "credentials_wrong", "200"]
    assert (right.status_code, right.json()["clause"]) == (403, "G2")
    issuer.claims = {}
    assert codes([await login(here, issuer)]) == ["200"]
    platform = await here.platform()
    removed = await platform.delete("/v1/issuer", params={"agency_id": "pomona-pd"})
    assert codes([removed, await here.try_login("rivera")]) == ["204", "200"]
    assert codes([await here.client().get("/v1/login/oidc", params={"agency_id": "pomona-pd"})]) == ["issuer_unknown"]


@pytest.mark.clause("G2")
async def test_only_a_fit_issuer_is_registered(here: House, issuer: FalseIssuer) -> None:
    boss = await here.staffed()
    unfit: list[dict[str, Any]] = [
        {"issuer": "https://elsewhere.example"},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
        {"code_challenge_methods_supported": ["plain"]},
    ]
    for lie in unfit:
        issuer.metadata = lie
        assert codes([await boss.put("/v1/issuer", json=registration(issuer.url))]) == ["issuer_unfit"], lie
    issuer.metadata = {"token_endpoint": "http://token.example/token"}
    urls = [
        issuer.url,
        "http://idp.example.gov",
        "ftp://127.0.0.1/x",
        "https://user@idp.example",
        "https://a.example/?x",
    ]
    answers = [await boss.put("/v1/issuer", json=registration(url)) for url in urls]
    assert codes(answers) == ["issuer_url_wrong"] * len(urls)
    issuer.metadata = {}
    secretless = {name: value for name, value in registration(issuer.url).items() if name != "client_secret"}
    assert codes([await boss.put("/v1/issuer", json=secretless)]) == ["client_secret_missing"]
    assert codes([await boss.put("/v1/issuer", json=registration("http://127.0.0.1:9"))]) == ["issuer_unavailable"]
    assert codes([await boss.get("/v1/issuer"), await boss.delete("/v1/issuer")]) == ["issuer_unknown"] * 2


@pytest.mark.clause("B4")
async def test_what_the_issuer_vouched_for_holds_until_the_policy_is_accepted(here: House, issuer: FalseIssuer) -> None:
    await trusted(here, issuer)
    digest = "ab" * 32
    said = PolicyPublished(agency_id=AGENCY, version=1, sha256=digest, published_at=here.clock())
    await here.standing.foundation.bus.publish([said], source="publication")
    await eventually(lambda: AGENCY in here.room.published)
    url, cookie = await sent(here)
    word = issuer.visited(url)

    async def come(**more: Any) -> httpx.Response:
        return await here.client().post("/v1/login/oidc", json=word | more, headers=cookie)

    assert codes([await come(), await come(accept_policy="0" * 64)]) == ["policy_not_accepted"] * 2
    answer = await come(accept_policy=digest)
    assert answer.status_code == 200, answer.text
    who = await here.standing.foundation.verifier.verify(answer.json()["access_token"])
    assert who.methods == ("fed", "mfa")


@pytest.mark.clause("G2")
async def test_who_cannot_be_sent_to_the_issuer_comes_back_to_the_login_page(here: House) -> None:
    await here.staffed()
    asked = {"agency_id": "pomona-pd"}
    page = await here.client().get("/v1/login/oidc", params=asked, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?error=issuer_unknown")
    assert codes([await here.client().get("/v1/login/oidc", params=asked)]) == ["issuer_unknown"]


@pytest.mark.clause("G2")
async def test_a_real_issuer_replaces_passwords(tmp_path: Path) -> None:
    with closing(Realm("pomona", "rivera", "boss")) as realm:
        await _replaced(realm, tmp_path)


async def _replaced(realm: Realm, folder: Path) -> None:
    async with house(folder / "var", TestClock(utc_now())) as here:
        boss = await here.staffed()
        await here.hire(boss, "rivera")
        await here.trust(boss, await here.in_office(boss), realm.registration(second_factor_acr=["1"]))

        async def through(username: str) -> httpx.Response:
            here.clock.now = utc_now()
            url, cookie = await sent(here)
            back = realm.login(url, username)
            brought = {"state": back["state"], "authorization_code": back["code"], "iss": back["iss"]}
            here.clock.now = utc_now()
            return await here.client().post("/v1/login/oidc", json=brought, headers=cookie)

        boss = here.client((await through("boss")).json()["access_token"])
        off = realm.registration(second_factor_acr=["1"], passwords=False)
        assert codes([await boss.put("/v1/issuer", json=off)]) == ["200"]
        assert codes([await here.try_login("rivera"), await through("rivera")]) == ["password_login_off", "200"]
        realm.rename("rivera", "rivera-lopez")
        assert codes([await through("rivera-lopez")]) == ["200"]
        realm.add("rivera")
        assert codes([await through("rivera")]) == ["issuer_link_wrong"]
