"""The plain pages in a real browser: login, second factor, passkey, lock; by keyboard and on a narrow screen."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pyotp
import pytest
from browser import Browser, browser
from unit.accounts.house import FAST, PASSWORD, House, house

from platekeeper import pages, server
from platekeeper.stack.ports import free_port
from platekeeper_access_audit.accounts.service import ACCOUNTS

PLAIN = ("/login", "/enrol", "/unlock")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[tuple[House, str]]:
    """Accounts and the pages at an origin of their own, with the officer `rivera`, whose password is one-time."""
    port = free_port()
    origin = f"http://localhost:{port}"
    own = {"accounts": FAST.model_copy(update={"origin": origin})}
    async with house(tmp_path / "var", own=own, rest=pages.build((ACCOUNTS,))) as standing:
        with server.listen("127.0.0.1", port) as listener:
            async with server.served(server.Quiet(standing.standing.app), listener):
                yield standing, origin


async def hired(here: House, username: str) -> str:
    """The one-time password of a new person."""
    boss = await here.staffed()
    body = {"username": username, "name": "Ana Rivera", "title": "Officer", "roles": ["officer"]}
    return str((await boss.post("/v1/accounts", json=body)).json()["one_time_password"])


@pytest.mark.clause("G2")
async def test_a_person_logs_in_enrols_and_unlocks(here: tuple[House, str], tmp_path: Path) -> None:
    standing, origin = here
    once = await hired(standing, "rivera")
    with browser(tmp_path) as window:
        walk = Walk(standing, origin, window)
        await asyncio.to_thread(walk.first_login, once)
        await asyncio.to_thread(walk.enrol)
        await asyncio.to_thread(walk.unlock)
        await asyncio.to_thread(walk.log_in_again)


class Walk:
    """What the officer does, page by page."""

    def __init__(self, here: House, origin: str, window: Browser) -> None:
        self.here, self.origin, self.window = here, origin, window
        self.secret, self.recovery = "", ""

    def code(self) -> str:
        """One that was not used before."""
        self.here.clock.advance(seconds=60)
        return pyotp.TOTP(self.secret).at(self.here.clock())

    def first_login(self, once: str) -> None:
        """By the one-time password, which must be changed; mistakes are said and lead to their field."""
        window = self.window
        window.open(f"{self.origin}/login")
        self._narrow("/login")
        window.picture("login")
        window.press("Log in")
        window.says("Enter username.")
        assert window.focused() == "problem"
        window.fill(Username="rivera", Password="a wrong password")
        window.press("Log in")
        window.says("Username or password is wrong.")
        window.picture("login-problem")
        window.fill(Password=once)
        window.press("Log in")
        window.fill(New_password="short")
        window.press("Log in")
        window.says("at least 12 characters")
        window.fill(New_password=PASSWORD)
        window.press("Log in")
        window.says("You are logged in")
        window.says("Pomona Police Department")
        window.says("You came with a password alone.")
        window.picture("logged-in")
        kept = window.driver.execute_script("return JSON.stringify([localStorage, sessionStorage, document.cookie])")
        assert "eyJ" not in kept

    def enrol(self) -> None:
        """Codes from an app, then a passkey."""
        window = self.window
        window.press("Set up a second factor or a passkey")
        window.press("Set up codes")
        window.until(lambda: window.seen("qr").get_property("naturalWidth"))
        self.secret = window.seen("secret").text.replace(" ", "")
        window.picture("enrol-scan", height=1400)
        window.fill(Code="12345")
        window.press("Confirm")
        window.says("There is a problem")
        window.fill(Code=self.code())
        window.press("Confirm")
        codes = window.seen("recovery-codes").text.split()
        assert len(set(codes)) == 10
        self.recovery = codes[3]
        window.picture("enrol-recovery", height=1400)
        window.press("I have kept them")
        window.fill(Name_of_the_new_passkey="desk computer")
        window.press("Register a passkey")
        window.says("The passkey “desk computer” is registered.")
        window.picture("enrol-passkey", height=1400)

    def unlock(self) -> None:
        """After half an hour the page is locked and says whose session it is."""
        window = self.window
        for unlock in (self._by_password, self._by_passkey):
            self.here.clock.advance(minutes=31)
            window.open(f"{self.origin}/login")
            window.says("The session of Ana Rivera is locked")
            window.picture("unlock")
            unlock()
            window.says("You are logged in")

    def _by_password(self) -> None:
        self.window.fill(Password="wrong")
        self.window.press("Unlock")
        self.window.says("Username or password is wrong.")
        self.window.fill(Password=PASSWORD)
        self.window.press("Unlock")

    def _by_passkey(self) -> None:
        self.window.press("Unlock with a passkey")

    def log_in_again(self) -> None:
        """Out, and in again by passkey alone and by password and code."""
        window = self.window
        window.press("Log out")
        window.press("Log in with a passkey")
        window.says("You are logged in")
        assert not window.driver.find_element("id", "no-second-factor").is_displayed()
        window.press("Log out")
        window.fill(Username="rivera", Password=PASSWORD)
        window.press("Log in")
        window.says("Now the code of your second factor.")
        assert window.focused() == "code"
        window.fill(Code_of_your_second_factor=self.recovery)
        window.press("Log in")
        window.says("You are logged in")
        self._narrow(*PLAIN)
        assert [one for one in window.complaints() if "status of 4" not in one] == []

    def _narrow(self, *pages: str) -> None:
        """At 320 pixels nothing is cut off sideways."""
        window = self.window
        for page in pages:
            window.open(self.origin + page)
            window.picture(f"narrow{page.replace('/', '-')}", width=320)
            inside = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            assert window.driver.execute_script(inside), page


async def test_the_pages_load_nothing_from_elsewhere_and_run_nothing_inline(here: tuple[House, str]) -> None:
    _, origin = here
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as client:
        for path in PLAIN:
            page = await client.get(path)
            policy = page.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=|https?://", page.text), path
            assert '<html lang="en">' in page.text
            loaded = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
            assert len(loaded) >= 3
            for one in loaded:
                answer = await client.get(one)
                assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
                assert not re.search(r"https?://(?!www\.w3\.org)", answer.text), one
        assert (await client.get("/assets/../__init__.py")).status_code == 404
