"""A real OpenID Connect issuer: a realm of the test's own in the run's Keycloak, and a browser that logs in there."""

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import engines
import httpx

from platekeeper.stack.keycloak import ADMINISTRATOR, Keycloak
from platekeeper.stack.process import Process

CLIENT, SECRET, PASSWORD = "platekeeper", "a client's secret", "the issuer's own password"
BACK = "http://localhost:8080/login"


class Realm:
    """A realm of Keycloak with a client for us and people in it."""

    def __init__(self, name: str, *people: str, back: str = BACK) -> None:
        """Stand it up; each of `people` has PASSWORD and is sent back to `back`."""
        known = engines.shared("keycloak", _start)
        self.issuer = f"{known['url']}/realms/{name}"
        self._admin = httpx.Client(base_url=known["url"], timeout=60, trust_env=False)
        form = {"grant_type": "password", "client_id": "admin-cli"}
        login = form | {"username": ADMINISTRATOR, "password": known["password"]}
        token = self._admin.post("/realms/master/protocol/openid-connect/token", data=login).raise_for_status().json()
        self._admin.headers["Authorization"] = f"Bearer {token['access_token']}"
        self._admin.post("/admin/realms", json=_realm(name, people, back)).raise_for_status()
        self._place = f"/admin/realms/{name}"

    def close(self) -> None:
        """The realm stays until Keycloak ends."""
        self._admin.close()

    def rename(self, old: str, new: str) -> None:
        """Somebody has another username from now on, and is the same to the issuer."""
        (user,) = self._admin.get(f"{self._place}/users", params={"username": old, "exact": True}).json()
        self._admin.put(f"{self._place}/users/{user['id']}", json=user | {"username": new}).raise_for_status()

    def add(self, name: str) -> None:
        """Somebody more."""
        self._admin.post(f"{self._place}/users", json=_user(name)).raise_for_status()

    def login(self, url: str, username: str, password: str = PASSWORD) -> dict[str, str]:
        """What a browser that was sent to `url` comes back with, after its person has logged in."""
        with httpx.Client(timeout=60, trust_env=False) as browser:
            page = browser.get(url)
            assert page.status_code == 200, page.text
            found = re.search(r'<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"', page.text)
            assert found is not None, page.text
            # Its cookies are Secure, which a browser sends to this machine and this client does not.
            cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
            form = {"username": username, "password": password}
            done = browser.post(unescape(found[1]), data=form, headers={"Cookie": cookies})
        assert done.status_code == 302, done.text
        back = urlsplit(done.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
        return {name: values[0] for name, values in parse_qs(back.query).items()}

    def registration(self, **more: Any) -> dict[str, Any]:
        """As our administrator registers it."""
        return {"issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET, **more}


def _start(folder: Path) -> tuple[Process, dict[str, Any]]:
    server = Keycloak(folder)
    server.start()
    return server.process, {"url": server.url, "password": server.password}


def _realm(name: str, people: tuple[str, ...], back: str) -> dict[str, Any]:
    client = {
        "clientId": CLIENT,
        "secret": SECRET,
        "redirectUris": [back],
        "standardFlowEnabled": True,
        "attributes": {"pkce.code.challenge.method": "S256"},
    }
    users = [_user(one) for one in people]
    about = {"realm": name, "enabled": True, "sslRequired": "none", "editUsernameAllowed": True}
    return about | {"duplicateEmailsAllowed": True, "loginWithEmailAllowed": False, "clients": [client], "users": users}


def _user(name: str) -> dict[str, Any]:
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.gov",
        "emailVerified": True,
        "firstName": name.title(),
        "lastName": "Example",
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
    }
