"""The clients of the brokers: connected when first needed, stopped without waiting for a broker that is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
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
PARTITION_BYTES = 4 * 1024 * 1024
"""What it takes from one partition of it: members that are behind handle more events in each transaction."""
IDLE_MS = 2000
"""How long a broker holds the request of a reader for which there is nothing; it answers what comes at once."""

log = structlog.get_logger()
# It says the same many times a second in an outage, and writes whole records at its lowest level: what matters, we say.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


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


class Clients:
    """Makes, starts and stops the clients of one bus."""

    def __init__(self, servers: Sequence[str], patience: Patience) -> None:
        """Of the brokers at `servers` (HOST:PORT)."""
        self._servers, self._patience = list(servers), patience
        self._ending: set[asyncio.Task[None]] = set()

    async def producer(self) -> Any:
        """An idempotent producer: what is acknowledged is on all in-sync replicas, once and in order."""
        client = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_EVENT,
            request_timeout_ms=self._answer,
        )
        return await self._started(client)

    async def reader(self, *, reset: str = "none", **settings: Any) -> Any:
        """A consumer of no group; `reset` says where to go on when the records at its place are gone."""
        client = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset=reset,
            fetch_max_bytes=FETCH_BYTES,
            fetch_max_wait_ms=IDLE_MS,
            request_timeout_ms=self._answer,
            **settings,
        )
        return await self._started(client)

    async def member(self, group: str) -> Any:
        """A consumer of a group that commits by hand; it must still subscribe."""
        rebalance = self._patience.drain + 10
        client = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_BYTES,
            session_timeout_ms=int(self._patience.session * 1000),
            heartbeat_interval_ms=int(self._patience.heartbeat * 1000),
            rebalance_timeout_ms=int(rebalance * 1000),
            request_timeout_ms=self._answer,
            max_poll_interval_ms=2**31 - 1,  # silence is our own affair
        )
        await self._started(client)
        # A request to join is answered after the rebalance: it must outwait the batches in the hands of others.
        client._client._request_timeout_ms = int((rebalance + 5) * 1000)  # noqa: SLF001
        return client

    async def admin(self) -> Any:
        """A client for what is said of topics and groups."""
        client = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=self._answer)
        return await self._started(client)

    async def stop(self, client: Any) -> None:
        """Disconnect, without waiting for a broker that is away or for a rebalance that goes on."""
        stopping = asyncio.ensure_future(self._stop(client))
        _, late = await asyncio.wait([stopping], timeout=3 * self._patience.answer)
        if late:
            log.warning("client_not_stopped", client=type(client).__name__)
            stopping.cancel()

    async def _stop(self, client: Any) -> None:
        if isinstance(client, AIOKafkaAdminClient):
            await client.close()
            return
        if isinstance(client, AIOKafkaProducer):
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(self._patience.answer):
                    await client.flush()
            # An idempotent producer retries for ever, and its stop waits for that.
            client._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
        else:
            routine = getattr(client._coordinator, "_coordination_task", None)  # noqa: SLF001 - waits for the rebalance
            while routine is not None and not routine.done():
                routine.cancel()  # more than once: the client may take it for the end of its own heartbeat
                await asyncio.wait([routine], timeout=0.1)
            await _end_fetching(client._fetcher)  # noqa: SLF001
        await client.stop()

    async def close(self) -> None:
        """Wait for clients whose start nobody waits for any more."""
        if self._ending:
            await asyncio.wait(self._ending)

    @property
    def _answer(self) -> int:
        return int(self._patience.answer * 1000)

    async def _started(self, client: Any) -> Any:
        """The client once it has started. A start that fails or is given up ends by itself: cut short, it leaks."""
        starting = asyncio.ensure_future(client.start())
        try:
            await asyncio.shield(starting)
        except BaseException:
            ending = asyncio.ensure_future(self._end(starting, client))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            raise
        return client

    async def _end(self, starting: "asyncio.Future[None]", client: Any) -> None:
        await asyncio.wait([starting], timeout=2 * self._patience.answer)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await self.stop(client)


async def _end_fetching(fetcher: Any) -> None:
    """End what a consumer asks of brokers, before its own stop does.

    That awaits each request which it cancelled: one that waits to ask again, as all do while brokers are away, would
    end the stop half-way, and whoever stops by a cancellation that is not his.
    """
    if fetcher is None:
        return
    fetcher._fetch_task.cancel()  # noqa: SLF001
    await asyncio.wait([fetcher._fetch_task])  # noqa: SLF001
    if asking := set(fetcher._pending_tasks):  # noqa: SLF001
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
    fetcher._pending_tasks.clear()  # noqa: SLF001


class Connected:
    """One client, started by the first who needs it, and again after that failed."""

    def __init__(self, clients: Clients, start: Callable[[], Awaitable[Any]]) -> None:
        """Nothing is connected yet."""
        self._clients, self._start = clients, start
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
                    self._client = await self._start()
        return self._client

    def died(self) -> bool:
        """Whether this is a producer that can send no more: a fault of the client ended its work."""
        sender = getattr(self._client, "_sender", None)
        return sender is not None and sender.sender_task is not None and sender.sender_task.done()

    async def close(self) -> None:
        """Stop it; nobody gets it any more."""
        self._closed = True
        async with self._lock:
            client, self._client = self._client, None
        if client is not None:
            await self._clients.stop(client)


def heard_since(client: Any, partitions: Iterable[TopicPartition]) -> float:
    """When a broker last answered a fetch from any of the partitions, in seconds of `time.time`; 0 if never."""
    told = [client.last_poll_timestamp(partition) for partition in partitions]
    return max((stamp for stamp in told if stamp is not None), default=0) / 1000
