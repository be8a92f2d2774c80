"""Signing on in a real browser: a new policy is read and accepted (B4), and the agency's own issuer vouches (G2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from browser import Browser, browser
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from standing import AGENCY, TestClock, eventually
from unit.accounts.house import FAST, PASSWORD, House, house
from unit.accounts.trusted import PASSWORD as AT_THE_ISSUER
from unit.accounts.trusted import Realm

from platekeeper import pages, server
from platekeeper.stack.ports import free_port
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_access_audit.publication.service import PUBLICATION
from platekeeper_common.clock import utc_now
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

SERVICES = (ACCOUNTS, LEDGER, PUBLICATION, HOTLIST, RELEASE, RETENTION)
SECTIONS = ("purposes", "titles_and_training", "monitoring", "sharing", "custodian", "accuracy", "retention")


@asynccontextmanager
async def served(folder: Path, port: int, clock: TestClock | None = None) -> AsyncIterator[House]:
    """What publishes a policy, accounts and the pages, at an origin of their own."""
    own: dict[str, Any] = {"accounts": FAST.model_copy(update={"origin": f"http://localhost:{port}"})}
    more: dict[str, Any] = {"services": SERVICES, "statement_seconds": 0.1, "own": own, "rest": pages.build(SERVICES)}
    async with house(folder, clock, **more) as standing:
        with server.listen("127.0.0.1", port) as listener:
            async with server.served(server.Quiet(standing.standing.app), listener):
                yield standing


async def publish(here: House, boss: httpx.AsyncClient, purposes: str) -> dict[str, Any]:
    """A version of the policy, once accounts know that it is in force."""
    texts = {name: f"What the department says of {name}." for name in SECTIONS} | {"purposes": purposes}

    async def drafted() -> str | None:
        told = (await boss.post("/v1/policy-documents", json=texts)).json()
        return None if any(section["lacks"] for section in told["sections"]) else str(told["id"])

    answer = await boss.post(f"/v1/policy-documents/{await eventually(drafted)}/publish")
    assert answer.status_code == 201, answer.text
    published: dict[str, Any] = answer.json()
    await eventually(lambda: here.room.published[AGENCY].sha256 == published["sha256"])
    return published


def fits(window: Browser, name: str) -> None:
    """Pictures of the page on a phone and on a desk; nothing is cut off sideways."""
    for width in (320, 1280):
        window.picture(f"{name}-{width}", width=width)
        inside = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert window.driver.execute_script(inside), (name, width)


def type_in(window: Browser, *keys: str) -> None:
    """Keys as they are pressed, wherever the focus is."""
    for key in keys:
        window.driver.switch_to.active_element.send_keys(key)


def complaints(window: Browser) -> list[str]:
    """What the browser found wrong, but for refusals that the page has said itself."""
    return [one for one in window.complaints() if "status of 4" not in one]


@pytest.mark.clause("B4")
async def test_whoever_signs_on_reads_and_accepts_the_new_policy_by_keyboard_alone(tmp_path: Path) -> None:
    port = free_port()
    async with served(tmp_path / "var", port) as here:
        boss = await here.staffed()
        rivera = await here.hire(boss, "rivera")
        secret = await enrolled(here, "rivera")
        published = await publish(here, boss, "To find stolen cars.")

        def code() -> str:
            here.clock.advance(seconds=60)
            return pyotp.TOTP(secret).at(here.clock())

        with browser(tmp_path) as window:
            await asyncio.to_thread(accept_by_keyboard, window, f"http://localhost:{port}/login", code, here.clock)
        await eventually(lambda: here.records("policy.accept"))
        accepted = here.records("policy.accept")
        assert [(one.subject, one.object_id) for one in accepted] == [(rivera, f"{AGENCY}/{published['version']}")]


async def enrolled(here: House, username: str) -> str:
    """The secret of the person's second factor, which is confirmed."""
    person = await here.login(username)
    secret = str((await person.post("/v1/me/second-factor")).json()["secret"])
    code = pyotp.TOTP(secret).at(here.clock())
    assert (await person.post("/v1/me/second-factor/confirm", json={"code": code})).is_success
    return secret


def accept_by_keyboard(window: Browser, url: str, code: Any, clock: TestClock) -> None:
    """Without a mouse; the code has grown old once the policy is read."""
    window.open(url)
    window.until(lambda: window.focused() == "username")
    type_in(window, "rivera", Keys.TAB, PASSWORD, Keys.ENTER)
    window.says("Now the code of your second factor.")
    type_in(window, code(), Keys.ENTER)
    window.says("Your agency\u2019s policy is new")
    assert window.focused() == "acceptance-title"
    fits(window, "acceptance")
    type_in(window, Keys.TAB)
    assert window.focused() == "policy"
    policy = window.seen("policy").get_attribute("href")
    mine = window.driver.current_window_handle
    type_in(window, Keys.ENTER)
    window.until(lambda: len(window.driver.window_handles) == 2)
    other = next(one for one in window.driver.window_handles if one != mine)
    window.driver.switch_to.window(other)
    assert window.driver.current_url == policy
    window.says("To find stolen cars.")
    fits(window, "policy")
    window.driver.close()
    window.driver.switch_to.window(mine)
    clock.advance(minutes=5)
    type_in(window, Keys.TAB)
    assert window.focused() == "accept"
    type_in(window, Keys.ENTER)
    window.says("The code is wrong, too old, or was used before.")
    fits(window, "acceptance-late")
    window.fill(Code_of_your_second_factor=code())
    type_in(window, Keys.ENTER)
    window.says("You are logged in")
    window.press("Log out")
    window.fill(Username="rivera", Password=PASSWORD)
    type_in(window, Keys.ENTER)
    window.fill(Code_of_your_second_factor=code())
    type_in(window, Keys.ENTER)
    window.says("You are logged in")
    assert complaints(window) == []


@pytest.mark.clause("G2")
@pytest.mark.clause("B4")
async def test_the_agencys_own_issuer_signs_on_and_the_new_policy_is_accepted_on_the_way(tmp_path: Path) -> None:
    port = free_port()
    origin = f"http://localhost:{port}"
    with closing(Realm("browser", "rivera", back=f"{origin}/login")) as realm:
        async with served(tmp_path / "var", port, TestClock(utc_now())) as here:
            boss = await here.staffed()
            await here.hire(boss, "rivera")
            await here.trust(boss, await here.in_office(boss), realm.registration(second_factor_acr=["1"]))
            await publish(here, boss, "To find stolen cars.")
            with browser(tmp_path) as window:
                await asyncio.to_thread(through_the_issuer, window, origin, realm, here.clock)
            logins = here.records("login")
            assert logins[-1].username == "rivera"


def through_the_issuer(window: Browser, origin: str, realm: Realm, clock: TestClock) -> None:
    """Out to the issuer and back; a login that nobody began here opens nothing."""
    window.open(f"{origin}/login")
    window.says("Log in through Pomona Police Department")
    fits(window, "login-issuer")
    window.press("Log in through Pomona Police Department")
    window.until(lambda: window.driver.current_url.startswith(realm.issuer))
    asked = httpx.URL(window.driver.current_url).params
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert all(asked[name] for name in ("state", "nonce", "code_challenge"))
    window.driver.find_element(By.ID, "username").send_keys("rivera", Keys.TAB)
    clock.now = utc_now()
    window.driver.find_element(By.ID, "password").send_keys(AT_THE_ISSUER, Keys.ENTER)
    window.says("Your agency\u2019s policy is new")
    assert window.driver.current_url == f"{origin}/login"
    window.press("I have read it and accept it")
    window.says("You are logged in")
    assert not window.driver.find_element(By.ID, "no-second-factor").is_displayed()
    fits(window, "issuer-logged-in")
    window.press("Log out")
    window.open(f"{origin}/login?state=somebody-elses&code=stolen")
    window.says("This login began elsewhere, has ended or took too long.")
    window.open(f"{origin}/login?error=access_denied")
    window.says("Your agency's login was broken off.")
    assert complaints(window) == []
