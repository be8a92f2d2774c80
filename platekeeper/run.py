"""`platekeeper run`: the platform on one port, its first administrator, and the demonstration."""

import asyncio
import sys
from contextlib import suppress

import httpx

from platekeeper import client, server
from platekeeper.client import ApiError, Session
from platekeeper.demo import drive, load, logins, street
from platekeeper_access_audit.accounts import handlers as accounts
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import auth, log
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.ids import PLATFORM, PLATFORM_NAME
from platekeeper_common.policy import PolicyError
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR
from platekeeper_common.settings import SettingsError


def say(line: str) -> None:
    """One line for the person at the terminal, at once."""
    print(line, flush=True)  # noqa: T201


async def run(*, demonstration: bool) -> int:
    """Serve until Ctrl-C; the exit status."""
    try:
        settings = server.load_settings()
        log.configure(level=log.level_for(settings.log_level))
        async with server.serve(settings) as serving:
            await _welcome(serving)
            shown = asyncio.create_task(_demonstrate(serving)) if demonstration else None
            await serving.until_stopped()
            say("stopping")
            if shown is not None:
                shown.cancel()
                with suppress(asyncio.CancelledError):
                    await shown
    except (SettingsError, PolicyError, Unavailable, server.AlreadyRunning, OSError) as error:
        print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
        return 1
    say("stopped")
    return 0


async def _welcome(serving: server.Serving) -> None:
    say(f"Platekeeper serves on {serving.url} (Ctrl-C stops it)")
    if serving.metrics_url is not None:
        say(f"figures for operators: {serving.metrics_url}")
    room = serving.standing.rooms["accounts"]
    assert isinstance(room, AccountsRoom)  # noqa: S101 - the registry says so
    password = await accounts.create_first_administrator(room)
    if password is not None:
        say(f"first administrator: admin, one-time password: {password} (shown only now)")


async def _demonstrate(serving: server.Serving) -> None:
    """Load the demonstration once and drive its street; what goes wrong is said, and the platform serves on."""
    var = serving.standing.foundation.settings.var
    if logins.read(var) is not None:
        say(f"the demonstration is loaded already; its logins are in {var / logins.FILE}")
        return
    try:
        async with client.connect(serving.url) as http:
            samples = street.samples()
            loaded = await load.load(http, await _loader(serving, http), samples)
            logins.save(var, loaded)
            say(f"demonstration agency {loaded.agency_id} (synthetic, Pomona profile); its logins: {var / logins.FILE}")
            await drive.drive(http, loaded, samples, say)
            say("the demonstration is over; the platform keeps serving")
    except (ApiError, httpx.TransportError, OSError) as error:
        print(f"platekeeper: the demonstration failed: {error}", file=sys.stderr)  # noqa: T201


async def _loader(serving: server.Serving, http: httpx.AsyncClient) -> Session:
    """A session that opens the demonstration agency: a token of ten minutes in a name of its own, for the records.

    The first administrator's one-time password stays unused, for its person.
    """
    foundation, room = serving.standing.foundation, serving.standing.rooms["accounts"]
    assert isinstance(room, AccountsRoom)  # noqa: S101 - the registry says so
    now = foundation.clock()
    who = Caller(
        kind="person",
        subject="demonstration",
        agency_id=PLATFORM,
        username="demonstration",
        name="Demonstration",
        organisation=PLATFORM_NAME,
        roles=frozenset({PLATFORM_ADMINISTRATOR}),
        issued_at=now,
        expires_at=now + auth.TOKEN_LIFE,
    )
    settings = foundation.settings
    token = auth.issue(who, await room.signing.current(), issuer=settings.issuer, audience=settings.audience)
    return Session(http, token=token)
