"""What lies on the broker, read by a plain client: records from the first on, groups' places, ends."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

GROUPS = {
    "recognition": "frame.captured",
    "hotlist": "plates.read",
    "hotlist-corrections": "read.corrected",
    "retention": "plates.read",
    "ledger": "access.recorded",
    "accounts": "access.recorded",
}
"""Who handles which topic."""
POLL_MILLISECONDS = 1000
Place = tuple[str, int]


@dataclass
class Read:
    """A topic, read whole."""

    records: list[dict[str, Any]] = field(default_factory=list)
    """The data of each event, in no order between partitions."""

    def ids(self, name: str = "id") -> Counter[str]:
        """How often each id is there."""
        return Counter(record[name] for record in self.records)


@asynccontextmanager
async def _reader(servers: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read(servers: str, topic: str) -> Read:
    """Every record from the first of each partition to the ends as they are now."""
    found = Read()
    async with _reader(servers) as consumer:
        places = await _places(consumer, topic)
        consumer.assign(places)
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        for place in places:
            consumer.seek(place, starts[place])
        left = {place for place in places if ends[place] > starts[place]}
        while left:
            for place, records in (await consumer.getmany(*left, timeout_ms=POLL_MILLISECONDS)).items():
                found.records += [json.loads(record.value)["data"] for record in records]
                if records and records[-1].offset + 1 >= ends[place]:
                    left.discard(place)
    return found


async def behind(servers: str) -> dict[str, int]:
    """By group: how many records of its topic lie behind its place, by the broker; 1 for an unknown group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        async with _reader(servers) as consumer:
            unknown = {name for name, _ in await admin.list_consumer_groups()} - GROUPS.keys()
            counted = dict.fromkeys(unknown, 1)
            for group, topic in GROUPS.items():
                places = await _places(consumer, topic)
                ends = await consumer.end_offsets(places)
                committed = await admin.list_consumer_group_offsets(group)
                counted[group] = sum(ends[place] - _offset(committed.get(place)) for place in places)
            return counted
    finally:
        await admin.close()


async def _places(consumer: Any, topic: str) -> list[TopicPartition]:
    known = await consumer._client.fetch_all_metadata()
    return [TopicPartition(topic, number) for number in sorted(known.partitions_for_topic(topic))]


def _offset(committed: Any) -> int:
    return max(0, committed.offset) if committed is not None else 0
