"""The stream of hits: server-sent events, each recorded before it is sent.

Nothing of the database is held between two hits. Whether the token is still worth something is asked before every
delivery and every second, so the stream ends with it, and within seconds of its revocation (A3, G2).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import msgspec
from anyio import CancelScope
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from platekeeper_common import edge, uses
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import TooOld, Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Busy, Gone, Invalid, PlatekeeperError, Unauthenticated
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.ids import AgencyId
from platekeeper_hotlist import handlers
from platekeeper_hotlist.documents import HitDocument
from platekeeper_hotlist.room import HotlistRoom
from platekeeper_hotlist.sightings import CountedHit

LONGEST_OFFSET = 18
"""Decimal digits."""
LOOK_AGAIN_SECONDS = 1.0
"""How often a stream asks whether its token has been revoked."""
Hits = AsyncIterator[tuple[int, Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who listens to hits, for which use."""

    caller: Caller
    use: Use
    place: Place


class HitStream(EventSourceResponse):
    """Sends what a generator yields, and closes the generator whichever way the answer ends."""

    def __init__(self, here: HotlistRoom, content: AsyncGenerator[bytes, None]) -> None:
        """No cache and no proxy keeps any of it."""
        super().__init__(content, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._here = here
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the stream ends or the client is gone."""
        self._here.listeners += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._here.listeners -= 1
            await self._content.aclose()


async def open_stream(tx: Tx, here: HotlistRoom, to: Listener, last_event_id: str | None) -> HitStream:
    """The stream behind the event `last_event_id` (None: from now on); its opening is recorded in `tx`.

    Raises Invalid (A1, A8, `last_event_id_invalid`), Gone `stream_too_old` when hits behind it are no longer kept.
    """
    uses.demand(here, to.caller, Action.HITS_STREAM, to.use)
    after = _offset(last_event_id)
    try:
        following = here.foundation.bus.tail(HitRaised.topic, after)
    except TooOld as error:
        raise _too_old() from error
    query = {"stream": "opened", "after": after}
    tx.emit(await here.recorder.plate_data(to.caller, Action.HITS_STREAM, to.use, query, Result(), to.place))
    return HitStream(here, _deliver(here, to, following))


async def _deliver(here: HotlistRoom, to: Listener, following: Hits) -> AsyncGenerator[bytes, None]:
    """Hits of the listener's agency as they are raised, until the token ends or something is away."""
    loop = asyncio.get_running_loop()
    own = _of_agency(following, to.caller.agency_id)
    coming = asyncio.ensure_future(anext(own))
    try:
        yield format_sse_event(comment="open")
        quiet_since = loop.time()
        while True:
            await asyncio.wait({coming}, timeout=_patience(here, to))
            _demand_token(here, to)
            if not coming.done():
                if loop.time() - quiet_since >= here.settings.keep_alive:
                    quiet_since = loop.time()
                    yield format_sse_event(comment="keep-alive")
                continue
            quiet_since = loop.time()
            offset, hit = coming.result()
            coming = asyncio.ensure_future(anext(own))
            # A client that goes now must not leave a transaction half closed.
            with CancelScope(shield=True):
                told = await _recorded(here, to, hit)
            if told is not None:
                yield _event(offset, told, revision=hit.revised is not None)
    except Unauthenticated as error:
        ended = {"reason": error.code} if error.code == "token_expired" else {"code": error.code}
        yield _said("end" if "reason" in ended else "error", **ended, detail=error.detail)
    except (PlatekeeperError, TooOld, Unavailable) as error:
        trouble = _told(error)
        yield _said("error", code=trouble.code, detail=trouble.detail)
    finally:
        with CancelScope(shield=True):
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            await own.aclose()


async def _of_agency(following: Hits, agency_id: AgencyId) -> AsyncGenerator[tuple[int, HitRaised], None]:
    try:
        async for offset, event in following:
            if isinstance(event, HitRaised) and event.agency_id == agency_id:
                yield offset, event
    finally:
        if isinstance(following, AsyncGenerator):
            await following.aclose()


def _patience(here: HotlistRoom, to: Listener) -> float:
    """Seconds to wait for a hit: until the token is looked at again, the next keep-alive, or the token's end."""
    left = (to.caller.expires_at - here.clock()).total_seconds()
    return min(LOOK_AGAIN_SECONDS, here.settings.keep_alive, max(left, 0.01))


def _demand_token(here: HotlistRoom, to: Listener) -> None:
    """Raise Unauthenticated or Refused when the listener may not go on (A2, C2, G2)."""
    here.foundation.verifier.demand_valid(to.caller)
    here.foundation.policies.of(to.caller.agency_id)


async def _recorded(here: HotlistRoom, to: Listener, hit: HitRaised) -> CountedHit | None:
    """The hit as it is told, its delivery recorded. Raises Busy `audit_unavailable` (B8)."""
    query = {"stream": "delivered", "hit": hit.id, "plate": hit.read.plate, "listed": hit.entry.plate}
    try:
        async with here.db.tx() as tx:
            await edge.refuse_when_audit_lags(here, tx, to.caller)
            told = await handlers.as_told(tx, here, hit)
            result = Result(count=1, ids=[hit.id])
            tx.emit(await here.recorder.plate_data(to.caller, Action.HITS_STREAM, to.use, query, result, to.place))
            await edge.commit_or_refuse(tx)
    except Unavailable as error:
        raise Busy("the access record cannot be written", code="audit_unavailable", clause="B8") from error
    return told


def _event(offset: int, hit: CountedHit, *, revision: bool) -> bytes:
    """`hit` for a live alert, `partial_hit` for a partial plate (A7).

    `late_hit` for what is too old for a live alert (E2), or a misread by an officer's word (J1).

    `hit_revised` when a better version of its read shows another plate, and for a hit that is known by now to have been
    raised on a misreading.

    The data say how it was raised.
    """
    if revision or hit.raised.word[1] is None:
        name = "hit_revised"
    else:
        name = "partial_hit" if hit.raised.kind == "partial" else "late_hit" if hit.told_late else "hit"
    return format_sse_event(event=name, id=str(offset), data_str=HitDocument.of(hit).model_dump_json())


def _said(event: str, **words: str) -> bytes:
    return format_sse_event(event=event, data_str=msgspec.json.encode(words).decode())


def _offset(last_event_id: str | None) -> int | None:
    if last_event_id is None:
        return None
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= LONGEST_OFFSET):
        raise Invalid("Last-Event-ID must be the id of an event of this stream", code="last_event_id_invalid")
    return int(last_event_id)


def _told(error: Exception) -> PlatekeeperError:
    if isinstance(error, PlatekeeperError):
        return error
    return _too_old() if isinstance(error, TooOld) else Busy("a part that the stream needs is away; open it again")


def _too_old() -> Gone:
    return Gone(
        "the hits behind this Last-Event-ID are no longer on the stream; list them",
        code="stream_too_old",
        hits="/v1/hits",
    )
