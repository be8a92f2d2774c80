"""A real Chromium, without a window: what a person sees and does, by labels and the names of buttons."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from platekeeper.stack import chromium

SECONDS = 60.0
"""Patience with a page on a busy machine."""
_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
T = TypeVar("T")


class Browser:
    """One window of it."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver = driver
        self._folder = folder

    def open(self, url: str) -> None:
        """Go there."""
        self.driver.get(url)

    def until(self, true: Callable[[], T]) -> T:
        """The first truthy answer."""
        waiting = WebDriverWait(self.driver, SECONDS, ignored_exceptions=(StaleElementReferenceException,))
        return waiting.until(lambda _: true())

    def seen(self, name: str) -> WebElement:
        """The element of that id, once it can be seen."""
        return self._first(By.ID, name)

    def field(self, label: str) -> WebElement:
        """The field of that label, once it can be seen."""
        found = self._first(By.XPATH, f"//label[normalize-space()='{label}']")
        return self.seen(found.get_attribute("for") or "")

    def fill(self, **fields: str) -> None:
        """Type into fields, by their labels with `_` for a space."""
        for label, text in fields.items():
            field = self.field(label.replace("_", " "))
            field.clear()
            field.send_keys(text)

    def press(self, name: str) -> None:
        """The button or link of that name, once it can be seen."""
        self._first(By.XPATH, f"//*[self::button or self::a][normalize-space()='{name}']").click()

    def says(self, text: str) -> None:
        """Return once the page shows the text."""
        self.until(lambda: text in self.driver.find_element(By.TAG_NAME, "body").text)

    def focused(self) -> str | None:
        """The id of what has the focus."""
        return self.driver.switch_to.active_element.get_attribute("id")

    def _first(self, by: str, what: str) -> WebElement:
        """The first of these that can be seen, once one can."""

        def found() -> WebElement | None:
            return next((one for one in self.driver.find_elements(by, what) if one.is_displayed()), None)

        element = self.until(found)
        assert element is not None
        return element

    def complaints(self) -> list[str]:
        """What the browser found wrong with the pages so far."""
        told = self.driver.execute("getLog", {"type": "browser"})["value"]
        return [str(one["message"]) for one in told if one["level"] == "SEVERE"]

    def picture(self, name: str, width: int = 800, height: int = 1000) -> Path:
        """The window as it looks."""
        self.driver.set_window_size(width, height)
        kept = self._folder / f"{name}.png"
        assert self.driver.save_screenshot(str(kept))
        return kept


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that has never been anywhere, with an authenticator that knows its person; pictures go to `folder`."""
    options = Options()
    options.binary_location = str(chromium.browser())
    for word in (*_QUIET, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(chromium.install())))
    try:
        driver.add_virtual_authenticator(_authenticator())
        yield Browser(driver, folder)
    finally:
        driver.quit()


def _authenticator() -> VirtualAuthenticatorOptions:
    return VirtualAuthenticatorOptions(
        protocol=VirtualAuthenticatorOptions.Protocol.CTAP2,
        transport=VirtualAuthenticatorOptions.Transport.INTERNAL,
        has_resident_key=True,
        has_user_verification=True,
        is_user_verified=True,
    )
