"""What must hold in every process of the stack, seen through its gateway: revocations, and keys that turn."""

import asyncio
import base64
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import aconnect_sse
from precinct import PATROL, Precinct, first_login, soon

from platekeeper.client import Session
from platekeeper_access_audit.accounts.signing import LEAD, SigningKeys
from platekeeper_common import keys
from platekeeper_common.clock import utc_now

DOORS = {
    "ingest": "/v1/devices",
    "recognition": "/v1/dead-letters/recognition",
    "hotlist": "/v1/hits",
    "hotlist's worker": "/v1/dead-letters/hotlist",
    "retention": "/v1/reads/00000000-0000-0000-0000-000000000000",
    "retention's worker": "/v1/dead-letters/retention",
    "release": "/v1/recipients",
    "accounts": "/v1/agencies",
    "accounts' worker": "/v1/dead-letters/accounts",
    "ledger": "/v1/access-records",
    "ledger's worker": "/v1/dead-letters/ledger",
    "publication": "/v1/policy-documents",
}
"""Of each process one door that asks for a token; what it answers to whom is not asked here."""
MOST_SECONDS = 10.0
KEYS_AWAY = "keys_unavailable"
"""What a process says that could not ask accounts for a new key in time, as on a machine that stood still (503); in
earnest it has known the key for an hour. Whoever is told so asks again.
"""
SOON = timedelta(seconds=20)
"""How long a key is published before its use here; longer than a service waits before it asks for keys again (10 s),
and than a busy machine may stand still besides. In earnest it is an hour.
"""


async def what_is_revoked_is_worth_nothing_in_any_process(http: httpx.AsyncClient, precinct: Precinct) -> None:
    """A person's tokens, a device's, a partner's, and all of an agency by the address that a breach names."""
    partner = await _partner(http, precinct.platform_admin)
    taken: dict[str, float] = {}
    officer = await _token(precinct.officer)
    person = f"/v1/accounts/{_claims(officer)['sub']}/revoke-tokens"
    taken["person"] = await _revoked(http, precinct.administrator, person, officer, streams=True)
    device = f"/v1/device-tokens/{precinct.device_id}/revoke"
    taken["device"] = await _revoked(http, precinct.administrator, device, await _token(precinct.gateway))
    doors = "/v1/agencies/galt-pd/revoke-tokens"
    taken["partner"] = await _revoked(http, precinct.platform_admin, doors, await _token(partner))
    for session in (precinct.officer, precinct.gateway):
        await session.log_in()
    breach = {"summary": "a stolen laptop", "scope": "one", "detected_at": datetime.now(UTC).isoformat()}
    named = (await precinct.administrator.post("/v1/breaches", breach))["revoke_tokens"]
    others = [await _token(one) for one in (precinct.administrator, precinct.gateway)]
    officer = await _token(precinct.officer)
    taken["agency"] = await _revoked(http, precinct.administrator, named, officer, *others, streams=True)
    print("seconds until revoked everywhere:", taken)  # noqa: T201
    assert max(taken.values()) < MOST_SECONDS


async def _partner(http: httpx.AsyncClient, platform_admin: Session) -> Session:
    """The administrator of another agency."""
    agency = {"id": "galt-pd", "name": "Galt PD", "ori": "CA0340300", "profile": "galt"}
    await platform_admin.post("/v1/agencies", agency | {"time_zone": "America/Los_Angeles"})
    account = {
        "username": "galt-boss",
        "name": "Boss",
        "title": "Chief of Police Division Commander",
        "roles": ["administrator"],
    }
    opened = await soon(lambda: platform_admin.post("/v1/accounts", account | {"agency_id": "galt-pd"}))
    return await first_login(http, "galt-boss", opened["one_time_password"])


async def _revoked(http: httpx.AsyncClient, by: Session, path: str, *tokens: str, streams: bool = False) -> float:
    """Seconds from the revocation until no process takes any of the tokens and the first one's stream is cut."""
    for token in tokens:
        answers = await asyncio.gather(*(_code(http, door, token) for door in DOORS.values()))
        assert not [code for code in answers if code.startswith("token_")]
    opened = asyncio.Event()
    stream = asyncio.create_task(_cut(http, tokens[0], opened)) if streams else None
    if stream is not None:
        await asyncio.wait_for(opened.wait(), 20)
    began = time.monotonic()
    await by.post(path)
    async with asyncio.timeout(2 * MOST_SECONDS):
        await asyncio.gather(*(_until_revoked(http, door, token) for door in DOORS.values() for token in tokens))
        if stream is not None:
            assert await stream == "token_revoked"
    return time.monotonic() - began


async def _until_revoked(http: httpx.AsyncClient, door: str, token: str) -> None:
    while await _code(http, door, token) != "token_revoked":
        await asyncio.sleep(0.2)


async def _cut(http: httpx.AsyncClient, token: str, opened: asyncio.Event) -> str:
    """Why the stream of hits ended."""
    async with aconnect_sse(http, "GET", "/v1/hits/stream", params=PATROL, headers=_bearer(token)) as source:
        source.response.raise_for_status()
        opened.set()
        async for event in source.aiter_sse():
            if event.event in ("error", "end"):
                return str(event.json().get("code"))
    return "closed without a word"


async def signing_keys_turn_without_a_refused_request(http: httpx.AsyncClient, precinct: Precinct, var: Path) -> None:
    """Three keys take over one after the other while everybody is asked with tokens of all of them."""
    clock = {"before": 2 * LEAD}
    signing = SigningKeys(keys.in_folder(var / "keys"), lambda: utc_now() - clock["before"], life=timedelta(days=90))
    await signing.make()  # signs at once, so that those to come find one that is of age
    await asyncio.sleep(SOON.total_seconds())
    clock["before"] = LEAD - SOON
    shown, told, over = [await _fresh(precinct.gateway)], Counter[str](), asyncio.Event()
    callers = [asyncio.create_task(_ask_on(http, shown, told, over)) for _ in range(3)]
    try:
        for turn in range(10):
            if turn < 3:
                await signing.make()
            await asyncio.sleep(4)
            shown.append(await _fresh(precinct.gateway))
    finally:
        over.set()
        await asyncio.gather(*callers)
    refused = {code: count for code, count in told.items() if code.startswith(("token_", "keys_", "unavailable"))}
    print("requests while keys turned:", sum(told.values()), "keys:", len({_kid(one) for one in shown}))  # noqa: T201
    assert refused == {}, refused
    assert len({_kid(one) for one in shown}) == 4


async def _ask_on(http: httpx.AsyncClient, shown: list[str], told: Counter[str], over: asyncio.Event) -> None:
    for number, door in enumerate(cycle(DOORS.values())):
        if over.is_set():
            return
        token, code = shown[number % len(shown)], KEYS_AWAY
        while code == KEYS_AWAY and not over.is_set():
            code = await _code(http, door, token)
        told[code] += 1
        await asyncio.sleep(0.02)


async def _fresh(session: Session) -> str:
    await session.log_in()
    return await _token(session)


async def _token(session: Session) -> str:
    return (await session.headers())["Authorization"].partition(" ")[2]


async def _code(http: httpx.AsyncClient, door: str, token: str) -> str:
    answer = await http.get(door, headers=_bearer(token))
    return "ok" if answer.is_success else str(answer.json()["code"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _claims(token: str, part: int = 1) -> dict[str, Any]:
    text = token.split(".")[part]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return told


def _kid(token: str) -> str:
    return str(_claims(token, 0)["kid"])
