"""Stands services up for tests: the real runtime over a fresh folder, with a clock and token keys of the test's own."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any
from zlib import crc32

import databases
import engines
import httpx
from filelock import FileLock
from profiles import SECTIONS
from sqlalchemy import make_url
from starlette.types import ASGIApp

from platekeeper import runtime
from platekeeper_common import auth, ids, relay
from platekeeper_common.app import Health
from platekeeper_common.auth import SigningKey
from platekeeper_common.caller import Caller, Office
from platekeeper_common.events.access import AccessRecorded, AgencyChanged, CheckpointSigned
from platekeeper_common.ids import AgencyId
from platekeeper_common.migrate import migrate
from platekeeper_common.service import Foundation, Service
from platekeeper_common.settings import ServiceSettings, Settings

POLICIES = Path(__file__).parent.parent / "policies"
AGENCY = AgencyId("pomona-pd")
FOR_GOOD = timedelta(days=10_000)
PATIENCE = 60.0
"""Seconds a search may take: no test but those of that limit fails because a busy machine stood still."""
"""Longer than any test lets pass."""


@dataclass
class TestClock:
    """The present moment as the test says it."""

    __test__ = False
    now: datetime = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Let time pass, in timedelta's own words (`minutes=6`)."""
        self.now += timedelta(**by)


@dataclass
class Town:
    """Standing services, and tokens for whoever the test needs."""

    standing: runtime.Standing
    clock: TestClock
    key: SigningKey = field(default_factory=SigningKey.make)

    def rows(self, service: str, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Committed rows of the service's database, as another process would read them."""
        return databases.rows(self.standing.foundation.settings.database_of(service), statement, values)

    async def run_sql(self, service: str, statement: str) -> None:
        """Change the service's database behind its back."""
        await databases.run(self.standing.foundation.settings.database_of(service), statement)

    def person(self, username: str = "officer", *roles: str, trained: bool = True, **more: Any) -> Caller:
        """A person of AGENCY who signed on now; `roles` default to officer. An administrator holds the post too."""
        now = self.clock()
        offices = (Office("administrator"),) if "administrator" in roles else ()
        return Caller(
            **{
                "kind": "person",
                "subject": f"account-{username}",
                "agency_id": AGENCY,
                "username": username,
                "name": username.title(),
                "organisation": "Pomona Police Department",
                "roles": frozenset(roles or ("officer",)),
                "issued_at": now,
                "expires_at": now + auth.TOKEN_LIFE,
                "signed_on_at": now,
                "session": ids.new(),
                "training_until": now + timedelta(days=365) if trained else None,
                "approved_until": now + timedelta(days=90),
                "offices": offices,
                **more,
            }
        )

    def device(self, device_id: str, **more: Any) -> Caller:
        """A registered device with a fresh token."""
        return self.person(device_id, **({"kind": "device", "subject": device_id, "roles": frozenset()} | more))

    def token(self, who: Caller) -> str:
        """A token as accounts would issue it."""
        settings = self.standing.foundation.settings
        return auth.issue(who, self.key, issuer=settings.issuer, audience=settings.audience)

    def client(self, who: Caller | None = None) -> httpx.AsyncClient:
        """A client of the standing services, logged in as `who`."""
        headers = {"Authorization": f"Bearer {self.token(who)}"} if who else {}
        transport = httpx.ASGITransport(app=self.standing.app)
        return httpx.AsyncClient(transport=transport, base_url="http://platekeeper", headers=headers, timeout=30)

    async def let_pass(self, **by: float) -> None:
        """Let time pass once the records of what was done are kept: one that waits for long stops plate data (B8)."""

        async def all_left() -> bool:
            for room in self.standing.rooms.values():
                async with room.db.tx() as tx:
                    if await relay.oldest_record(tx) is not None:
                        return False
            bus = self.standing.foundation.bus
            return "ledger" not in self.standing.rooms or not await bus.backlog("ledger", AccessRecorded.topic)

        await eventually(all_left)
        self.clock.advance(**by)

    async def say_signed(self, at: datetime) -> None:
        """Say on the bus that the ledger, which does not stand here, signed at `at`, and wait until that is known."""
        await say_signed(self.standing, at)

    async def open_agency(self, agency_id: AgencyId = AGENCY, profile: str = "pomona", mode: str = "test") -> None:
        """Say on the bus that the agency exists, and wait until the policies know."""
        changed = AgencyChanged(
            agency_id=agency_id,
            name="Pomona Police Department",
            ori="CA0195300",
            time_zone="America/Los_Angeles",
            profile=profile,
            policy_version="1",
            mode=mode,  # type: ignore[arg-type]
        )
        await self.standing.foundation.bus.publish([changed], source="accounts")
        agency = self.standing.foundation.policies.agency
        await eventually(lambda: (agency(agency_id).profile, agency(agency_id).mode) == (profile, mode))


@asynccontextmanager
async def town(
    folder: Path,
    services: Sequence[Service],
    *,
    own: Mapping[str, ServiceSettings] | None = None,
    rest: Callable[[Foundation, Health], ASGIApp] | None = None,
    **more: Any,
) -> AsyncIterator[Town]:
    """The services standing over `folder`, ready, with AGENCY open on the Pomona profile. `more` goes to Settings.

    `rest` answers what none of the services does.
    """
    clock, key = TestClock(), SigningKey.make()
    rooms: dict[str, Any] = {}

    async def fetch() -> dict[str, Any]:
        issued = (await rooms["accounts"].signing.published())["keys"] if "accounts" in rooms else []
        return {"keys": [key.public(), *issued]}

    usual: dict[str, Any] = {"var": folder, "policies": POLICIES, "query_seconds": PATIENCE}
    settings = Settings(**(usual | await databases.settings(folder, services) | more))
    for service in () if settings.database else services:
        await _put_migrated(settings.database_of(service.name), service)
    async with runtime.stand(
        services, settings, SECTIONS, clock=clock, own=own, fetch_keys=fetch, rest=rest
    ) as standing:
        here = Town(standing, clock, key)
        rooms.update(standing.rooms)
        await standing.ready()
        await here.open_agency()
        if "ledger" not in standing.rooms:
            await here.say_signed(clock() + FOR_GOOD)
        yield here


async def say_signed(standing: runtime.Standing, at: datetime) -> None:
    """As `Town.say_signed`: no plate data without a checkpoint (B8), and a ledger is much work for a test of others."""
    foundation = standing.foundation
    signed = CheckpointSigned(
        agency_id=ids.PLATFORM, origin="elsewhere", size=0, root="", signed_at=at, note="", verifier_key=""
    )
    await foundation.bus.publish([signed], source="ledger")
    await eventually(lambda: foundation.checkpoints.last is not None and foundation.checkpoints.signed_at >= at)


async def _put_migrated(url: str, service: Service) -> None:
    """Where there is no database yet, a copy of one that this run migrated once: that takes most of a start."""
    place = Path(make_url(url).database or "")
    made = engines.folder() / f"migrated-{service.name}-{crc32(str(service.migrations).encode()):08x}.sqlite"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            part = made.with_suffix(".part")
            await migrate(f"sqlite+aiosqlite:///{part}", service.migrations)
            part.rename(made)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copyfile(made, place)
        place.chmod(0o600)


async def eventually(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first truthy answer of `true`, which may be async; LookupError and Refused count as not yet."""
    import asyncio
    import inspect

    from platekeeper_common.errors import PlatekeeperError

    async with asyncio.timeout(seconds):
        while True:
            try:
                answer = true()
                answer = await answer if inspect.isawaitable(answer) else answer
            except (LookupError, PlatekeeperError):
                answer = None
            if answer:
                return answer
            await asyncio.sleep(0.01)
