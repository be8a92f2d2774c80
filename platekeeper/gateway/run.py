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

WAIT_FOR_KEYS = 10.0
"""Seconds that a gateway which has no keys waits for accounts before it starts without; it then answers 503."""
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
        stopped = threading.Event()
        for _ in range(max(1, int(wait / 0.5))):
            if take_keys(self._settings.keys, self._fetch) is not None or (self._settings.keys / keys.PART).exists():
                break
            stopped.wait(0.5)
        else:
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
        every, asked = self._settings.keys_every_seconds, time.monotonic()
        while not stopping.wait(min(every, LOOK_SECONDS)):
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
        here = Gateway(gateway, text, keys.fetcher(known["accounts"]))
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

    `once`: write what there is, so that HAProxy can start, and end.
    """
    stopping = _told_to_stop()
    try:
        _, gateway, known = loaded(at)
        folder, fetch = gateway.keys, keys.fetcher(known["accounts"])
        master = Master(gateway.folder.absolute() / "master.sock")
        pending = bool(take_keys(folder, fetch))
        if not (folder / keys.PART).exists():
            keys.write(folder.absolute(), {})
        while not once and not stopping.wait(gateway.keys_every_seconds):
            pending = bool(take_keys(folder, fetch)) or pending
            if pending:
                with suppress(NotStarted):
                    master.reload()
                    pending = False
    except (SettingsError, OSError) as error:
        return _failed(error)
    return 0


def _told_to_stop() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _failed(error: Exception) -> int:
    print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
    return 1
