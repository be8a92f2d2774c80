"""The platform behind its gateway, both as processes, shared by the tests of a run; tokens as accounts sign them."""

import asyncio
import socket
import ssl
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import engines
import httpx
from precinct import PROJECT

from platekeeper.stack.ports import answers, free_port
from platekeeper.stack.process import Process
from platekeeper_access_audit.accounts.signing import SigningKeys
from platekeeper_common import auth, ids, keys
from platekeeper_common.auth import SigningKey
from platekeeper_common.caller import Caller
from platekeeper_common.clock import utc_now
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR

AGENCY = AgencyId("pomona-pd")
COMMAND = Path(sys.executable).with_name("platekeeper")
LOGIN_RATE, CALLER_RATE = 2, 5
"""A second; the gateway counts over ten."""


class Keys:
    """The keys of accounts, for who is in no event loop: every process that has the key store sees the same."""

    def __init__(self, var: Path) -> None:
        self._signing = SigningKeys(keys.in_folder(var / "keys"), utc_now, life=timedelta(days=90))

    @cached_property
    def _first(self) -> SigningKey:
        return asyncio.run(self._signing.current())

    def current(self) -> SigningKey:
        """The key that signs; one that is made now comes of age an hour later."""
        return self._first

    def make(self) -> SigningKey:
        """A fresh key, published."""

        async def made() -> SigningKey:
            await self._signing.make()
            return await self._signing._key((await self._signing._kids())[-1])

        return asyncio.run(made())


@dataclass(frozen=True)
class Door:
    """Two ways to the same services: through the gateway, and directly."""

    gateway: str
    service: str
    var: Path
    folder: Path
    log: Path
    """What the services say."""

    @cached_property
    def keys(self) -> Keys:
        """The keys of accounts."""
        return Keys(self.var)

    def client(self, url: str = "", source: str = "127.0.0.1", **headers: str) -> httpx.Client:
        """A client of the gateway, or of `url`, that calls from the address `source`."""
        trust = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        transport = httpx.HTTPTransport(verify=trust, local_address=source)
        return httpx.Client(base_url=url or self.gateway, transport=transport, headers=headers, timeout=30)

    def connected(self, context: ssl.SSLContext | None = None, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection to the gateway, for who speaks TLS or writes requests by hand, from the address `source`."""
        context = context or ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        port = int(self.gateway.rpartition(":")[2])
        line = socket.create_connection(("127.0.0.1", port), 20, (source, 0))
        return context.wrap_socket(line, server_hostname="localhost")

    def token(self, who: Caller, key: SigningKey | None = None) -> str:
        """A token as accounts would issue it."""
        return auth.issue(who, key or self.keys.current(), issuer="platekeeper", audience="platekeeper")

    def bearer(self, *roles: str, **more: Any) -> dict[str, str]:
        """The header of a person whom nobody else is, with these roles."""
        return {"Authorization": f"Bearer {self.token(person(*roles, **more))}"}


def person(*roles: str, **more: Any) -> Caller:
    """A trained person of the agency who signed on now."""
    now = utc_now()
    told = {
        "kind": "person",
        "subject": ids.new(),
        "agency_id": AGENCY,
        "username": "somebody",
        "name": "Somebody",
        "organisation": "Pomona Police Department",
        "roles": frozenset(roles),
        "issued_at": now,
        "expires_at": now + auth.TOKEN_LIFE,
        "signed_on_at": now,
        "session": ids.new(),
        "training_until": now + timedelta(days=365),
        "approved_until": now + timedelta(days=90),
    }
    return Caller(**(told | more))  # type: ignore[arg-type]


def door() -> Door:
    """The run's platform behind the run's gateway."""
    behind = engines.shared("platform-behind-the-gateway", _platform)
    known = engines.shared("gateway", partial(gateway, service=behind["url"]))
    return Door(known["url"], behind["url"], Path(behind["var"]), Path(known["folder"]), Path(behind["log"]))


def gateway(folder: Path, service: str, keys_every: float = 0.5, **at: str) -> tuple[Process, dict[str, Any]]:
    """A gateway in `folder` before the platform at `service`; `at` says where else a service answers."""
    port, folder = free_port(), folder / "gateway"
    settings = {
        "PORT": service.rpartition(":")[2],
        "GATEWAY_BIND": f"127.0.0.1:{port}",
        "GATEWAY_OPERATORS": f"127.0.0.1:{free_port()}",
        "GATEWAY_FOLDER": str(folder),
        "GATEWAY_LOGIN_RATE": str(LOGIN_RATE),
        "GATEWAY_CALLER_RATE": str(CALLER_RATE),
        "GATEWAY_KEYS_EVERY_SECONDS": str(keys_every),
    }
    places = [word for name, place in at.items() for word in ("--at", f"{name}={place}")]
    started = _started("gateway", [COMMAND, "gateway", "run", *places], folder.parent, settings)
    started.until(lambda: answers(port) and "with TLS" in started.log.read_text(), 60)
    return started, {"url": f"https://127.0.0.1:{port}", "folder": str(folder)}


def _platform(folder: Path) -> tuple[Process, dict[str, Any]]:
    port = free_port()
    settings = {
        "VAR": str(folder / "var"),
        "PORT": str(port),
        "METRICS_PORT": "off",
        "LOG_LEVEL": "info",
        "TRUSTED_PROXIES": "127.0.0.1",
        "HOTLIST_KEEP_ALIVE": "0.3",
    }
    started = _started("platform", [COMMAND, "run", "--empty"], folder, settings)
    started.until(lambda: answers(port) and "one-time password" in started.log.read_text(), 60)
    url = f"http://127.0.0.1:{port}"
    here = Door("", url, folder / "var", folder, started.log)
    admin = here.bearer(PLATFORM_ADMINISTRATOR, agency_id=PLATFORM)
    agency = {"id": AGENCY, "name": "Pomona PD", "ori": "CA0195300", "profile": "pomona"}
    told = httpx.post(
        f"{url}/v1/agencies", json=agency | {"time_zone": "America/Los_Angeles"}, headers=admin, trust_env=False
    )
    told.raise_for_status()
    return started, {"url": url, "var": str(folder / "var"), "log": str(started.log)}


def _started(name: str, command: list[Any], folder: Path, settings: dict[str, str]) -> Process:
    ours = {f"PLATEKEEPER_{key}": value for key, value in settings.items()}
    process = Process(name, command, folder / f"{name}.log", environment=ours, folder=PROJECT)
    process.start()
    return process
