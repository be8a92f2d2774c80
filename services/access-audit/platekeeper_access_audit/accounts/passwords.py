"""Passwords: argon2id in a few threads, so that neither the event loop nor the memory is anyone's to exhaust."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from platekeeper_common.errors import Busy

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""What cannot be mistaken when it is read from a screen or over a telephone."""
_GROUPS = 4
_GROUP = 5

T = TypeVar("T")


def one_time_password() -> str:
    """A fresh password of 99 random bits in groups, to be changed at the first login."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


class Passwords:
    """Hashes and verifies (argon2id, RFC 9106)."""

    def __init__(self, *, time_cost: int, memory_kib: int, parallelism: int, at_once: int, waiting: int) -> None:
        """`at_once` hashes run beside each other, up to `waiting` more wait for their turn; the rest are refused."""
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0

    async def hash(self, password: str) -> str:
        """The password as it is kept. Raises Busy."""
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is that password; None (no such account) takes as long as a wrong one. Raises Busy."""
        return await self._in_turn(lambda: self._matches(kept, password))

    def _matches(self, kept: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(kept or self._nobody, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._inside >= self._most:
            raise Busy("too many log in just now; try again", code="login_busy", headers={"Retry-After": "5"})
        self._inside += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._inside -= 1
