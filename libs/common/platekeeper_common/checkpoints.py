"""The last checkpoint of the ledger, as every process knows it by following `checkpoint.signed`."""

from datetime import datetime

from platekeeper_common.clock import Clock
from platekeeper_common.events.access import CheckpointSigned
from platekeeper_common.events.envelope import Event


class Checkpoints:
    """When the ledger last signed. A process that has heard of no checkpoint counts from its own start."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is known yet."""
        self._since = clock()
        self.last: CheckpointSigned | None = None

    async def apply(self, event: Event) -> None:
        """A word of the topic. A checkpoint that was signed earlier than the known one changes nothing."""
        if isinstance(event, CheckpointSigned) and (self.last is None or event.signed_at >= self.last.signed_at):
            self.last = event

    @property
    def signed_at(self) -> datetime:
        """When the last checkpoint was signed; when this process began, as long as it knows of none."""
        return self.last.signed_at if self.last else self._since

    @property
    def as_of(self) -> datetime:
        """Up to when the ledger has what was recorded: when it last signed, or since when a record waits for it."""
        waiting = self.last.waiting_since if self.last else None
        return self.signed_at if waiting is None else min(waiting, self.signed_at)
