"""The clients of the brokers: connected when first needed, stopped without waiting for a broker that is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IllegalArgumentError, KafkaError, ProducerClosed

from platekeeper_common.bus.contract import Unavailable

BATCH_BYTES = 512 * 1024
"""What a producer sends to a partition in one request."""
LARGEST_EVENT = 1_000_000
"""Bytes of one event; a broker takes 1,048,588 unless told otherwise."""
FETCH_BYTES = 8 * 1024 * 1024
"""What a consumer takes from one broker in one request."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, as the brokers and members of a group need them."""

    poll: float = 1.0
    """How long a poll waits for records."""
    drain: float = 20.0
    """How long a rebalance waits for a batch in hand."""
    silence: float = 300.0
    """How long a member may neither poll nor commit before it gives its partitions away."""
    session: float = 10.0
    """How long the brokers wait for a member's heartbeat before they take it for dead."""
    heartbeat: float = 1.0
    """How often a member says that it lives, and hears of rebalances."""
    answer: float = 5.0
    """How long a broker may take to answer."""
    quiet: float = 15.0
    """How long a reader may hear nothing from any broker before that is said to be an outage."""


class Connected:
    """One client, made and started by the first who needs it, and again after that failed."""

    def __init__(self, make: Callable[[], Any], stop: Callable[[Any], Awaitable[None]]) -> None:
        """Nothing is connected yet."""
        self._make, self._stop = make, stop
        self._lock = asyncio.Lock()
        self._client: Any = None
        self._closed = False

    async def get(self) -> Any:
        """The started client; waits for brokers that are away until its caller loses patience. Raises KafkaError."""
        if self._client is None or self._closed:
            async with self._lock:
                if self._closed:
                    raise Unavailable("the bus is closed")
                if self._client is None:
                    self._client = await started(self._make(), self._stop)
        return self._client

    async def close(self) -> None:
        """Stop it; nobody gets it any more."""
        self._closed = True
        async with self._lock:
            client, self._client = self._client, None
        if client is not None:
            await self._stop(client)


async def started(client: Any, stop: Callable[[Any], Awaitable[None]]) -> Any:
    """The client once it has started; stopped when it could not."""
    try:
        await client.start()
    except BaseException:
        await stop(client)
        raise
    return client


@asynccontextmanager
async def answered(seconds: float, what: str) -> AsyncIterator[None]:
    """Turn what brokers and clients say when they cannot serve, or not within so many seconds, into Unavailable."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"the bus did not {what} within {seconds:g} s") from error
    except IllegalArgumentError:
        raise
    except (KafkaError, OSError) as error:
        raise Unavailable(f"the bus did not {what}: {type(error).__name__}") from error


def producer(servers: Sequence[str], seconds: float) -> Any:
    """An idempotent producer: what is acknowledged is on all in-sync replicas, once and in order."""
    return AIOKafkaProducer(
        bootstrap_servers=list(servers),
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=LARGEST_EVENT,
        request_timeout_ms=int(seconds * 1000),
    )


async def stop_producer(client: Any, seconds: float) -> None:
    """Send what was taken, for at most so many seconds; then let it fail."""
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(seconds):
            await client.flush()
    accumulator = client._message_accumulator  # noqa: SLF001 - an idempotent producer retries for ever, its stop too
    accumulator.fail_all(ProducerClosed())
    await client.stop()


def reader(servers: Sequence[str], patience: Patience, *, reset: str = "none", **settings: Any) -> Any:
    """A consumer of no group; `reset` says where to go on when the records at its place are gone."""
    return AIOKafkaConsumer(
        bootstrap_servers=list(servers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        fetch_max_bytes=FETCH_BYTES,
        request_timeout_ms=int(patience.answer * 1000),
        **settings,
    )


def group_consumer(servers: Sequence[str], group: str, patience: Patience) -> Any:
    """A consumer of a group that commits by hand. It outwaits a rebalance: a request to join is answered after it."""
    rebalance = patience.drain + 10
    return AIOKafkaConsumer(
        bootstrap_servers=list(servers),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=FETCH_BYTES,
        session_timeout_ms=int(patience.session * 1000),
        heartbeat_interval_ms=int(patience.heartbeat * 1000),
        rebalance_timeout_ms=int(rebalance * 1000),
        request_timeout_ms=int((rebalance + 5) * 1000),
        max_poll_interval_ms=2**31 - 1,
    )


async def stop_consumer(client: Any) -> None:
    """Leave the group and disconnect, at once, even in the middle of a rebalance."""
    routine = getattr(client._coordinator, "_coordination_task", None)  # noqa: SLF001 - its close waits for the rebalance
    if routine is not None and not routine.done():
        routine.cancel()
        await asyncio.wait([routine])
    await client.stop()


def admin(servers: Sequence[str], patience: Patience) -> Any:
    """A client for what is said of topics and groups."""
    return AIOKafkaAdminClient(bootstrap_servers=list(servers), request_timeout_ms=int(patience.answer * 1000))


async def stop_admin(client: Any) -> None:
    """Disconnect."""
    await client.close()


def heard_since(client: Any, partitions: Iterable[TopicPartition]) -> float:
    """When a broker last answered a fetch from any of the partitions, in seconds of `time.time`; 0 if never."""
    told = [client.last_poll_timestamp(partition) for partition in partitions]
    return max((stamp for stamp in told if stamp is not None), default=0) / 1000
