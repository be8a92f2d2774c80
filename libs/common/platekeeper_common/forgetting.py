"""Dead letters hold plate data that only passed through: what they say goes when the bus forgets its events (F1).

That a letter came, from where and why, stays until somebody discards it.
"""

import asyncio

import structlog

from platekeeper_common import dead_letters
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.ids import PLATFORM
from platekeeper_common.service import Room
from platekeeper_common.shared_policy import longest_on_bus

LOOK_SECONDS = 60.0
MOST = 200
"""Letters a transaction; each leaves an access record."""
_log = structlog.get_logger()


async def run(room: Room) -> None:
    """Look again and again, until cancelled."""
    while True:
        try:
            while await forget(room) == MOST:
                pass
        except Unavailable as error:
            _log.warning("dead letters not forgotten", reason=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def forget(room: Room) -> int:
    """Destroy what letters say that are as old as the strictest `[copies] bus`; how many. Raises Unavailable."""
    now, kept_for = room.clock(), longest_on_bus(room.foundation.policies.installed())
    async with room.db.tx() as tx:
        letters = await dead_letters.forget(tx, now, kept_for, MOST)
        for letter_id in letters:
            tx.emit(room.recorder.by_itself(PLATFORM, Action.DEAD_LETTERS_FORGET, "dead_letter", letter_id))
    if letters:
        _log.warning("dead letters forgotten", service=room.recorder.producer, letters=len(letters))
    return len(letters)
