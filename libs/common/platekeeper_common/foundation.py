"""Opens what a process opens once: keys, objects, bus, policies, the verifier of tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import timedelta

from platekeeper_common import keys as key_store
from platekeeper_common import stores
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
from platekeeper_common.policies import Policies
from platekeeper_common.policy import Sections, load_folder
from platekeeper_common.service import BOTH, Foundation, Role
from platekeeper_common.settings import PREFIX, Settings, SettingsError
from platekeeper_common.shared_policy import longest_on_bus

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
    """Each where the settings say. `fetch_keys` replaces asking accounts for the token keys.

    `roles`: what this process does for its services.

    Raises PolicyError when a profile cannot be used, SettingsError, Unavailable when the key store is away.
    """
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys, objects = open_keys(settings), open_objects(settings)
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
    profiles = load_folder(settings.policies, sections)
    async with aclosing(peers), open_bus(settings, clock, longest_kept=longest_on_bus(profiles.values())) as bus:
        yield Foundation(
            settings=settings,
            roles=roles,
            clock=clock,
            ids=Ids(await keys.key("id")),
            keys=keys,
            objects=Objects(objects, keys),
            bus=bus,
            policies=Policies(profiles, sections, keys),
            verifier=verifier,
            peers=peers,
            checkpoints=Checkpoints(clock),
            meters=Meters(),
        )


def open_bus(
    settings: Settings, clock: Clock = utc_now, *, longest_kept: timedelta = timedelta.max
) -> AbstractAsyncContextManager[Bus]:
    """The bus that the settings name; it keeps nothing for longer than `longest_kept`, but last words of their keys.

    Raises SettingsError for an address that is none.
    """
    if not settings.bus:
        file, seconds = settings.var / "bus.sqlite", settings.publish_seconds
        return EmbeddedBus.open(file, clock=clock, publish_timeout=seconds, longest_kept=longest_kept)
    brokers = settings.brokers()
    patience = Patience(drain=settings.drain_seconds, answer=settings.publish_seconds)
    return KafkaBus.open(
        brokers.servers,
        prefix=brokers.prefix,
        clock=clock,
        publish_timeout=settings.publish_seconds,
        longest_kept=longest_kept,
        patience=patience,
    )


def open_keys(settings: Settings) -> KeyStore:
    """The key store of the settings. Raises SettingsError naming the variable that is wrong."""
    variable = f"{PREFIX}KEK_FILE"
    kek = None if settings.kek_file is None else key_store.read_kek(settings.kek_file, variable=variable)
    if not settings.key_store:
        return key_store.in_folder(settings.var / "keys", kek)
    variable = f"{PREFIX}KEY_STORE"
    if kek is None:
        raise SettingsError(f"{variable}: a bucket of keys needs {PREFIX}KEK_FILE, the key-encryption key beside it")
    own, _ = stores.parts(settings.key_store, variable=variable)
    if settings.objects and stores.parts(settings.objects, variable=f"{PREFIX}OBJECTS")[0] == own:
        raise SettingsError(f"{variable}: keys lie in a bucket of their own, never in that of the objects")
    shelf = stores.bucket("key store", settings.key_store, variable=variable, seconds=settings.publish_seconds)
    return KeyStore(kek, shelf)


def open_objects(settings: Settings) -> stores.Store:
    """Where the settings say that objects lie. Raises SettingsError naming the variable that is wrong."""
    what = "object store"
    if not settings.objects:
        return stores.folder(what, settings.var / "objects")
    variable = f"{PREFIX}OBJECTS"
    return stores.bucket(what, settings.objects, variable=variable, seconds=settings.publish_seconds)
