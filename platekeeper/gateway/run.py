"""`platekeeper gateway`: renders the configuration, runs HAProxy over it, and keeps its keys those of accounts."""

import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic_settings import BaseSettings

from platekeeper.gateway import certificate, configuration, keys
from platekeeper.gateway.keys import Fetch
from platekeeper.gateway.settings import GatewaySettings
from platekeeper.registry import SERVICES
from platekeeper.stack.debian import NotInstalled
from platekeeper.stack.haproxy import HAProxy, Master
from platekeeper.stack.process import NotStarted
from platekeeper.stack.settings import UpSettings
from platekeeper_common import settings as environment
from platekeeper_common.settings import Settings, SettingsError

ACCOUNTS = "accounts"
WAIT_FOR_KEYS = 10.0
"""Seconds that a gateway which has no keys waits for accounts before it starts without; it then answers 503."""
ASK_AGAIN = 0.5
"""Seconds between two times that accounts are asked before there are keys."""
LOOK_SECONDS = 1.0
"""How soon it is seen that HAProxy ended: while nobody starts it again the door is closed."""
CONFIGURATION = "haproxy.cfg"
AUTHORITY = "ca.pem"
_log = structlog.get_logger()


class Gateway:
    """HAProxy over a folder, and the refreshing of its keys."""

    def __init__(self, settings: GatewaySettings, configured: str, fetch: Fetch) -> None:
        """`configured` is the text of haproxy.cfg; `fetch` asks accounts for their keys. Raises NotInstalled."""
        self._settings = settings
        self._fetch = fetch
        folder = settings.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / CONFIGURATION).write_text(configured)
        if settings.certificate is None:
            certificate.ensure(settings.tls, folder / AUTHORITY)
        self.proxy = HAProxy(folder, [folder / CONFIGURATION, settings.keys / keys.PART])

    @property
    def authority(self) -> Path | None:
        """Whom callers must trust where the certificate is one that we made."""
        return None if self._settings.certificate else (self._settings.folder / AUTHORITY).absolute()

    def start(self, wait: float = WAIT_FOR_KEYS) -> None:
        """Return when HAProxy takes connections. Raises NotStarted."""
        if not first_keys(self._settings.keys, self._fetch, wait, threading.Event()):
            keys.write(self._settings.keys.absolute(), {})
        self.proxy.start()

    def refresh(self) -> bool:
        """Take the keys that accounts publish; whether HAProxy has been told of other ones. Raises NotStarted."""
        changed = take_keys(self._settings.keys, self._fetch)
        if changed:
            self.proxy.reload()
            _log.info("keys of tokens changed", service="gateway")
        return bool(changed)

    def watch(self, stopping: threading.Event) -> int:
        """Refresh until told to stop; 1 when HAProxy ended by itself."""
        asked = time.monotonic()
        while not stopping.wait(min(every := _every(self._settings), LOOK_SECONDS)):
            if not self.proxy.process.alive:
                _log.error("HAProxy ended", service="gateway", log=self.proxy.process.last_lines())
                return 1
            if time.monotonic() - asked < every:
                continue
            asked = time.monotonic()
            try:
                self.refresh()
            except NotStarted as error:
                _log.error("keys not taken", service="gateway", reason=str(error))
        return 0


def take_keys(folder: Path, fetch: Fetch) -> bool | None:
    """Write the keys that accounts publish; whether they changed, None when they cannot be had.

    An empty set is not believed: the keys that are there stay.
    """
    try:
        found = keys.pems(fetch())
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("keys of tokens cannot be had", service="gateway", reason=type(error).__name__)
        return None
    return keys.write(folder.absolute(), found) if found else None


def first_keys(folder: Path, fetch: Fetch, wait: float, stopping: threading.Event) -> bool:
    """Ask accounts for `wait` seconds, once at least, until `folder` holds keys; whether it does."""
    ends = time.monotonic() + wait
    while take_keys(folder, fetch) is None and not keys.known(folder):
        if time.monotonic() >= ends or stopping.wait(ASK_AGAIN):
            return False
    return True


def loaded(at: Mapping[str, Sequence[str]]) -> tuple[Settings, GatewaySettings, dict[str, list[str]]]:
    """Settings from the environment, and where the services answer; `at` stands above both. Raises SettingsError."""
    own: list[type[BaseSettings]] = [service.settings for service in SERVICES]
    environment.refuse_unknown_names([Settings, GatewaySettings, UpSettings, *own])
    settings, gateway = environment.load(Settings), environment.load(GatewaySettings)
    known = configuration.addresses(SERVICES, settings)
    if unknown := at.keys() - configuration.names(SERVICES):
        raise SettingsError(f"{', '.join(sorted(unknown))}: no service of ours")
    return settings, gateway, known | {name: list(addresses) for name, addresses in at.items()}


def render(at: Mapping[str, Sequence[str]], *, cluster: bool) -> int:
    """Print haproxy.cfg."""
    if cluster:
        sys.stdout.write(configuration.for_cluster(SERVICES))
        return 0
    try:
        settings, gateway, known = loaded(at)
        sys.stdout.write(configuration.here(SERVICES, settings, gateway, known))
    except SettingsError as error:
        return _failed(error)
    return 0


def run(at: Mapping[str, Sequence[str]]) -> int:
    """Be the gateway until SIGTERM or Ctrl-C; the exit status."""
    stopping = _told_to_stop()
    try:
        settings, gateway, known = loaded(at)
        text = configuration.here(SERVICES, settings, gateway, known)
        here = Gateway(gateway, text, keys.fetcher(_accounts(known)))
        here.start()
    except (SettingsError, NotInstalled, NotStarted, OSError) as error:
        return _failed(error)
    try:
        trust = f"; its certificate is vouched for by {here.authority}" if here.authority else ""
        print(f"the gateway answers at {gateway.bind} with TLS{trust}", flush=True)  # noqa: T201
        return here.watch(stopping)
    finally:
        here.proxy.stop()


def keep_keys(at: Mapping[str, Sequence[str]], *, once: bool) -> int:
    """Keep the key files of a HAProxy that somebody else runs over the same folder; the exit status.

    `once`: write them, so that HAProxy can start, and end; 1 when there are none and accounts give none in time.
    """
    stopping = _told_to_stop()
    try:
        _, gateway, known = loaded(at)
        fetch = keys.fetcher(_accounts(known))
        if once:
            return _keys_once(gateway, fetch, stopping)
        _keep(gateway, fetch, stopping)
    except (SettingsError, OSError) as error:
        return _failed(error)
    return 0


def _keys_once(gateway: GatewaySettings, fetch: Fetch, stopping: threading.Event) -> int:
    if first_keys(gateway.keys, fetch, gateway.keys_wait_seconds, stopping):
        return 0
    told = f"accounts gave no keys of tokens in {gateway.keys_wait_seconds:g} s: are they up, and reached from here?"
    return _failed(NotStarted(told))


def _keep(gateway: GatewaySettings, fetch: Fetch, stopping: threading.Event) -> None:
    master = Master(gateway.folder.absolute() / "master.sock")
    pending = bool(take_keys(gateway.keys, fetch))
    if not (gateway.keys / keys.PART).exists():
        keys.write(gateway.keys.absolute(), {})
    while not stopping.wait(_every(gateway)):
        pending = bool(take_keys(gateway.keys, fetch)) or pending
        if pending:
            with suppress(NotStarted):
                master.reload()
                pending = False


def _every(gateway: GatewaySettings) -> float:
    """Seconds until accounts are asked again: soon while there are no keys."""
    often = gateway.keys_every_seconds
    return often if keys.known(gateway.keys) else min(often, LOOK_SECONDS)


def _accounts(known: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Where accounts answer. Raises SettingsError when nobody says it."""
    if ACCOUNTS not in known:
        raise SettingsError(
            "PLATEKEEPER_NEIGHBOURS names no accounts, whose keys verify tokens: name them there, or with"
            " --at accounts=HOST:PORT"
        )
    return known[ACCOUNTS]


def _told_to_stop() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _failed(error: Exception) -> int:
    print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
    return 1
