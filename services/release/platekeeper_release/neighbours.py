"""What release asks its neighbours: accounts who holds a post and for a delegated token, retention for reads.

A neighbour that is away, or answers too late, is Busy `neighbour_away`; what a neighbour refuses is passed on as it
said it, with its code and clause.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from platekeeper_common import delegation
from platekeeper_common.access import RECORD_HEADER, Use
from platekeeper_common.actions import Action
from platekeeper_common.delegation import Delegation, Scope
from platekeeper_common.errors import Busy, Conflict, PlatekeeperError
from platekeeper_common.service import Foundation
from platekeeper_release.filing import Office
from platekeeper_release.package import Gathered, Picture, Read

PAGE = 200
"""Reads asked for at once."""
PICTURES = ("image", "crop")
DESTROYED = 410


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """A neighbour while it is asked; each answer must come within `seconds`."""

    client: httpx.AsyncClient
    seconds: float

    async def ask(self, method: str, path: str, *, also: int | None = None, **more: Any) -> httpx.Response:
        """The answer; the status `also` is one too. Raises what the neighbour refused, as its own error here."""
        async with asyncio.timeout(self.seconds):
            answer = await self.client.request(method, path, **more)
        if answer.is_success or answer.status_code == also:
            return answer
        told = _problem(answer)
        refusal = PlatekeeperError(
            str(told.get("detail", "a neighbour refused")),
            code=str(told.get("code", "neighbour_away")),
            clause=told.get("clause"),
        )
        refusal.status = answer.status_code if answer.status_code < 500 else Busy.status
        raise refusal


async def office(foundation: Foundation, token: str, post: str) -> Office:
    """Who may decide for the post today, as accounts tell the caller with this token.

    Raises NotFound `post_unknown` when the agency's policy names no such post.
    """
    asked = {"act": Action.RELEASE_DECIDE.value}
    async with _asking(foundation, "accounts", token) as accounts:
        told = (await accounts.ask("GET", f"/v1/posts/{post}/incumbents", params=asked)).json()
    standing = told["post"]
    acting = standing["acting"]
    return Office(
        post,
        standing["title"],
        {one["account_id"]: one["authority"] for one in told["incumbents"]},
        vacant=standing["account_id"] is None,
        acting=acting and " ".join(filter(None, (acting["title"], f"({', '.join(acting['names']) or 'nobody yet'})"))),
    )


async def delegated(foundation: Foundation, token: str, acting: Delegation) -> str:
    """A token that opens the scope and nothing else, for the person whose token it is (RFC 8693)."""
    claims = acting.claims()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "actor_token": (await foundation.keys.key(delegation.SECRET)).hex(),
        "actor_token_type": "urn:platekeeper:token-type:service-secret",
        "scope": claims["scope"],
        "authorization_details": json.dumps(claims["authorization_details"]),
    }
    async with _asking(foundation, "accounts") as accounts:
        answer = await accounts.ask("POST", "/v1/token-exchange", data=form)
    return str(answer.json()["access_token"])


async def gather(
    foundation: Foundation, token: str, scope: Scope, use: Use, *, reads_at_most: int, bytes_at_most: int
) -> Gathered:
    """Every read of the scope with its pictures, oldest first; each page and each picture leaves its access record.

    Raises Conflict `release_too_large` beyond either limit.
    """
    async with _asking(foundation, "retention", token) as retention:
        reads, searches = await _reads(retention, scope, use, reads_at_most)
        pictures, gone, size = [], [], 0
        for read in reads:
            for kind in PICTURES:
                if not read.facts[f"has_{kind}"]:
                    continue
                picture = await _picture(retention, read.facts["id"], kind, use)
                if picture is None:
                    gone.append((read.facts["id"], kind))
                    continue
                size += len(picture.data)
                if size > bytes_at_most:
                    raise _too_large(f"{bytes_at_most} bytes of pictures")
                pictures.append(picture)
    return Gathered(reads, pictures, searches, gone)


async def _reads(retention: _Neighbour, scope: Scope, use: Use, most: int) -> tuple[list[Read], list[str]]:
    found: dict[str, Read] = {}
    searches: list[str] = []
    for question in _questions(scope):
        cursor: str | None = None
        while True:
            asked = {**_stated(use), **question, "limit": PAGE} | ({"cursor": cursor} if cursor else {})
            answer = await retention.ask("POST", "/v1/searches", json=asked)
            page, record_id = answer.json(), answer.headers[RECORD_HEADER]
            searches.append(record_id)
            found |= {read["id"]: Read(read, record_id) for read in page["reads"]}
            if len(found) > most:
                raise _too_large(f"{most} reads")
            if (cursor := page["next_cursor"]) is None:
                break
    return sorted(found.values(), key=_moment), searches


def _moment(read: Read) -> tuple[datetime, str]:
    return datetime.fromisoformat(read.facts["captured_at"]), read.facts["id"]


def _questions(scope: Scope) -> list[dict[str, Any]]:
    """The scope as searches: one for each plate, or one."""
    rest = {name: value for name, value in scope.elements().items() if name != "plates"}
    return [rest | {"plate": plate} for plate in scope.plates] or [rest]


async def _picture(retention: _Neighbour, read_id: str, kind: str, use: Use) -> Picture | None:
    """None when the picture has been destroyed."""
    answer = await retention.ask("GET", f"/v1/reads/{read_id}/{kind}", also=DESTROYED, params=_stated(use))
    if answer.status_code == DESTROYED:
        return None
    return Picture(read_id, kind, answer.content, answer.headers["content-type"], answer.headers[RECORD_HEADER])


def _stated(use: Use) -> dict[str, Any]:
    stated = {
        "purpose": use.purpose,
        "matter_type": use.matter_type,
        "matter_number": use.matter_number,
        "requested_by": use.requested_by,
        "reason": use.reason,
        "unit": use.unit,
        "shift": use.shift,
        "number_pending": use.number_pending,
        "matter_session": use.matter_session,
    }
    return {name: value for name, value in stated.items() if value}


def _too_large(limit: str) -> Conflict:
    detail = f"the approved scope holds more than {limit}; ask for an approval of a narrower one"
    return Conflict(detail, code="release_too_large")


@asynccontextmanager
async def _asking(foundation: Foundation, service: str, token: str | None = None) -> AsyncIterator[_Neighbour]:
    try:
        async with foundation.peers.client(service) as client:
            if token is not None:
                client.headers["authorization"] = f"Bearer {token}"
            yield _Neighbour(client, foundation.settings.peer_seconds)
    except (OSError, httpx.HTTPError) as error:
        raise Busy(
            f"{service} is away; nothing was kept", code="neighbour_away", headers={"Retry-After": "2"}
        ) from error


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
