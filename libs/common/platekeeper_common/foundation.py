"""Opens what a process opens once: keys, objects, bus, policies, the verifier of tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

from platekeeper_common.auth import KeySet, Verifier
from platekeeper_common.bus.contract import Bus
from platekeeper_common.bus.embedded import EmbeddedBus
from platekeeper_common.bus.kafka import KafkaBus
from platekeeper_common.bus.kafka_clients import Patience
from platekeeper_common.checkpoints import Checkpoints
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.ids import Ids
from platekeeper_common.keys import KeyStore
from platekeeper_common.metrics import Meters
from platekeeper_common.objects import Objects
from platekeeper_common.peers import AppOf, Peers
from platekeeper_common.policy import Policies, Sections, load_folder
from platekeeper_common.service import BOTH, Foundation, Role
from platekeeper_common.settings import Settings

JWKS_PATH = "/.well-known/jwks.json"
"""Where accounts publish the keys that verify tokens (RFC 7517)."""


@asynccontextmanager
async def open_foundation(
    settings: Settings,
    sections: Sections,
    app_of: AppOf,
    *,
    roles: frozenset[Role] = BOTH,
    clock: Clock = utc_now,
    fetch_keys: Callable[[], Awaitable[KeySet]] | None = None,
) -> AsyncIterator[Foundation]:
    """Everything under `settings.var`. `fetch_keys` replaces asking accounts for the token keys.

    `roles`: what this process does for its services.

    Raises PolicyError when a profile cannot be used.
    """
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = KeyStore(settings.var / "keys")
    peers = Peers(app_of, seconds=settings.peer_seconds, url_of=settings.neighbour)

    async def ask_accounts() -> KeySet:
        return await peers.json("accounts", JWKS_PATH)

    verifier = Verifier(
        fetch_keys or ask_accounts,
        issuer=settings.issuer,
        audience=settings.audience,
        clock=clock,
        cache=settings.var / "cache" / "jwks.json",
    )
    async with aclosing(peers), open_bus(settings, clock) as bus:
        yield Foundation(
            settings=settings,
            roles=roles,
            clock=clock,
            ids=Ids(keys.key("id")),
            keys=keys,
            objects=Objects(settings.var / "objects", keys),
            bus=bus,
            policies=Policies(load_folder(settings.policies, sections)),
            verifier=verifier,
            peers=peers,
            checkpoints=Checkpoints(clock),
            meters=Meters(),
        )


def open_bus(settings: Settings, clock: Clock = utc_now) -> AbstractAsyncContextManager[Bus]:
    """The bus that the settings name. Raises SettingsError for an address that is none."""
    if not settings.bus:
        return EmbeddedBus.open(settings.var / "bus.sqlite", clock=clock, publish_timeout=settings.publish_seconds)
    brokers = settings.brokers()
    patience = Patience(drain=settings.drain_seconds, answer=settings.publish_seconds)
    return KafkaBus.open(
        brokers.servers,
        prefix=brokers.prefix,
        clock=clock,
        publish_timeout=settings.publish_seconds,
        patience=patience,
    )
