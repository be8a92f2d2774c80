"""The keys that sign tokens, wrapped in the key store: made when the store has none, renewed by age.

A new key is published `LEAD` before its first use, so that a verifier whose copy of the key set is that old still opens
every token; the one before it stays published until its last token has ended (RFC 7517 4.5).
"""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import structlog

from platekeeper_common.auth import TOKEN_LIFE, SigningKey
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.clock import Clock
from platekeeper_common.keys import KeyStore

LEAD = timedelta(hours=1)
RENEW_EVERY = timedelta(minutes=10)
FOLDER = "signing"
_log = structlog.get_logger()
_STAMP = "%Y-%m-%dt%H-%M-%S"


class SigningKeys:
    """The signing keys of the platform; every process sees the same ones."""

    def __init__(self, keys: KeyStore, clock: Clock, *, life: timedelta) -> None:
        """`life`: how long a key signs before the next takes over."""
        self._keys = keys
        self._clock = clock
        self._life = life

    async def begin(self) -> None:
        """Make the first key when there is none. Raises Unavailable."""
        if not await self._kids():
            await self.make()

    async def current(self) -> SigningKey:
        """The key that signs now: the newest that was published long enough, or the first."""
        kids = await self._kids()
        ready = [kid for kid in kids if _made_at(kid) + LEAD <= self._clock()]
        return await self._key(ready[-1] if ready else kids[0])

    async def published(self) -> dict[str, Any]:
        """The key set (JWKS): the current key, the next, and the one before while its tokens live."""
        now, kids = self._clock(), await self._kids()
        ended = {kid for kid, successor in pairwise(kids) if _made_at(successor) + LEAD + TOKEN_LIFE <= now}
        return {"keys": [(await self._key(kid)).public() for kid in kids if kid not in ended]}

    async def renew(self) -> bool:
        """Publish the next key when the newest is about to have signed for its life; whether it was."""
        due = _made_at((await self._kids())[-1]) + self._life <= self._clock()
        if due:
            await self.make()
        return due

    async def run(self) -> None:
        """Renew when due, until cancelled."""
        while True:
            try:
                await self.renew()
            except Unavailable as error:
                _log.warning("signing key not renewed", reason=str(error))
            await asyncio.sleep(RENEW_EVERY.total_seconds())

    async def make(self) -> None:
        """Publish a fresh key, to be used in turn."""
        kid = f"{self._clock():{_STAMP}}-{secrets.token_hex(4)}"
        await self._keys.keep(f"{FOLDER}/{kid}", SigningKey.make().pem)

    async def _kids(self) -> list[str]:
        return [name.removeprefix(f"{FOLDER}/") for name in await self._keys.names(FOLDER)]

    async def _key(self, kid: str) -> SigningKey:
        return SigningKey(kid, await self._keys.existing(f"{FOLDER}/{kid}"))


def _made_at(kid: str) -> datetime:
    return datetime.strptime(kid.rpartition("-")[0], _STAMP).replace(tzinfo=UTC)
