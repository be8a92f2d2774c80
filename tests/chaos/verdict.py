"""The verdict: what the tally owes against what the API answers and the engines hold."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import httpx
from aiokafka.errors import KafkaError
from precinct import CRIMINAL

from chaos import topics
from chaos.audit import Audit
from chaos.scene import BACKGROUND, LISTED, LISTED_SAMPLES, Scene
from chaos.stack import Stack
from chaos.tables import tables
from chaos.tally import Cluster, Tally
from platekeeper.client import ApiError
from platekeeper.demo import street

LOOK_SECONDS = 1.0
PAGE = 200
ASKED_BY_PLATE = 25
"""Reads that are also looked for by their plates."""


@dataclass
class Verdict:
    """What was counted, one line each, and what is wrong."""

    lines: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def say(self, what: str, count: int | str) -> None:
        """A figure of the tally."""
        self.lines.append(f"  {what:<62}{count:>8}")

    def demand(self, what: str, wrong: Iterable[object]) -> None:
        """A finding when there is anything wrong, with the first few of it."""
        if found := [str(one) for one in wrong]:
            self.findings.append(f"{what}: {len(found)}, as {', '.join(found[:3])}")


async def settled(stack: Stack, seconds: float) -> list[str]:
    """Wait until all are ready and nothing waits in an outbox or for a group; what still does at the end."""
    until = time.monotonic() + seconds
    while True:
        try:
            waits = await _waits(stack)
        except (OSError, KafkaError, asyncpg.PostgresError) as error:
            waits = [f"engines do not answer: {type(error).__name__}"]
        if not waits or time.monotonic() > until:
            return waits
        await asyncio.sleep(LOOK_SECONDS)


async def _waits(stack: Stack) -> list[str]:
    if trouble := stack.not_ready():
        return trouble
    async with tables(stack.database) as database:
        unsent = await database.of_services("outbox")
    behind = {group: count for group, count in (await topics.behind(stack.bus)).items() if count}
    return [f"outbox of {name}: {count}" for name, count in unsent.items()] + [
        f"group {name}: {count} behind" for name, count in behind.items()
    ]


class Judge:
    """Compares, once everything is settled."""

    def __init__(self, stack: Stack, scene: Scene, tally: Tally, began: datetime) -> None:
        """`began`: before the first read was captured."""
        self._stack, self._scene, self._tally, self._began = stack, scene, tally, began
        self.verdict = Verdict()

    async def judge(self, *, whole_audit: bool, seconds: float) -> Verdict:
        """Every check. `whole_audit` waits for a checkpoint over all records; `seconds` bound each wait."""
        verdict, tally = self.verdict, self._tally
        verdict.findings += tally.findings
        verdict.demand("not settled", await settled(self._stack, seconds))
        if not tally.reads or not tally.frames or not tally.records or not tally.told:
            verdict.findings.append("nothing was acknowledged: the campaign proves nothing")
        await self._reads()
        await self._hits()
        await self._found_by_search()
        verdict.demand("not settled after the searches", await settled(self._stack, seconds))
        audit = Audit(self._stack, self._scene, tally, verdict.say, verdict.demand)
        await audit.check(whole=whole_audit, seconds=seconds)
        async with tables(self._stack.database) as database:
            letters = await database.of_services("dead_letter")
        verdict.demand("dead letters", letters.items())
        return verdict

    async def _reads(self) -> None:
        """Stored once what was acknowledged, at most once what was not; all that is on the topic, and nothing else."""
        verdict, tally = self.verdict, self._tally
        async with tables(self._stack.database) as database:
            rows = await database.rows("SELECT id, plate, source, frame_id FROM retention.plate_read")
        stored = Counter(row["id"] for row in rows)
        plates = {row["id"]: row["plate"] for row in rows}
        verdict.say("reads acknowledged", len(tally.reads))
        verdict.say("  of them stored exactly once", sum(stored[one] == 1 for one in tally.reads))
        verdict.demand("acknowledged reads not stored", (one for one in tally.reads if not stored[one]))
        verdict.demand("reads stored more than once", (one for one, count in stored.items() if count > 1))
        wrong = (one for one, plate in tally.reads.items() if plates.get(one, plate) != plate)
        verdict.demand("reads stored with another plate", wrong)
        edge = Counter(row["plate"] for row in rows if row["source"] == "edge" and row["id"] not in tally.reads)
        verdict.say("reads given up by their device", len(tally.given_up))
        verdict.say("  of them stored, once", sum(edge[plate] == 1 for plate in tally.given_up))
        verdict.demand("reads that nobody sent", edge.keys() - tally.given_up)
        verdict.demand("reads not acknowledged and stored twice", (one for one, count in edge.items() if count > 1))
        self._frames([(row["frame_id"], row["plate"]) for row in rows if row["source"] == "recognition"])
        published = await topics.read(self._stack.bus, "plates.read")
        on_topic = Counter(read["id"] for event in published.records for read in event["reads"])
        verdict.say("reads on the topic, each counted once", len(on_topic))
        verdict.say("  of them there more than once (harmless)", sum(count > 1 for count in on_topic.values()))
        verdict.demand("on the topic and not stored (skipped)", on_topic.keys() - stored.keys())
        verdict.demand("stored and not on the topic", stored.keys() - on_topic.keys())

    def _frames(self, read: list[tuple[str, str]]) -> None:
        verdict, frames = self.verdict, self._tally.frames
        found = Counter(read)
        verdict.say("frames acknowledged", len(frames))
        verdict.say("  of them read and stored exactly once", sum(found[one] == 1 for one in frames.items()))
        verdict.demand("acknowledged frames without their read", (one for one in frames.items() if not found[one]))
        verdict.demand("reads of one frame more than once", (one for one, count in found.items() if count > 1))
        others = [one for one in found if one not in frames.items()]
        verdict.demand("reads of frames that show another plate, or were never sent", others)

    async def _hits(self) -> None:
        """Each cluster one hit, each of its reads one sighting of it; each hit on the topic, and told on the stream."""
        verdict = self.verdict
        async with tables(self._stack.database) as database:
            hits = {row["id"]: row for row in await database.rows("SELECT id, sightings, late FROM hotlist.hit")}
            seen = await database.rows("SELECT read_id, hit_id, late, captured_at FROM hotlist.sighting")
            by_frame = await database.rows("SELECT id, frame_id FROM retention.plate_read WHERE source = 'recognition'")
        of_hits: dict[str, set[str]] = {}
        for row in seen:
            of_hits.setdefault(row["hit_id"], set()).add(row["read_id"])
        owed = [cluster for cluster in self._clusters(by_frame) if cluster.ids]
        hit_of = {row["read_id"]: row["hit_id"] for row in seen}
        late = {row["read_id"] for row in seen if row["late"]}
        split = [one for one in owed if self._told_late(one, late)]
        whole = [one for one in owed if one not in split]
        right = [one for one in whole if of_hits.get(hit_of.get(min(one.ids), "")) == one.ids]
        verdict.say("hits owed", len(whole))
        verdict.say("  of them raised once, with just the sightings owed", len(right))
        verdict.say("  live ones matched too late to be live, so counted by sightings", len(split))
        verdict.say("sightings owed", sum(len(one.ids) for one in owed))
        verdict.say("  counted", len(seen))
        verdict.demand("clusters without just their hit", (sorted(one.ids)[:3] for one in whole if one not in right))
        expected = {one for cluster in owed for one in cluster.ids}
        verdict.demand("sightings missing", expected - hit_of.keys())
        verdict.demand("sightings that nobody is owed", hit_of.keys() - expected)
        verdict.demand("reads counted twice", (one for one, n in Counter(r["read_id"] for r in seen).items() if n > 1))
        miscounted = (one for one, row in hits.items() if row["sightings"] != len(of_hits.get(one, ())))
        verdict.demand("hits whose number is not that of their sightings", miscounted)
        await self._announced(hits.keys())
        await self._hits_of_api(hits)

    def _clusters(self, by_frame: list[Any]) -> list[Cluster]:
        """Those of the edge reads, and of each listed sample plate one that stays before its camera all the time."""
        of_frames = {row["frame_id"]: row["id"] for row in by_frame}
        samples = [sample.plate for sample in street.samples()[:LISTED_SAMPLES]]
        standing = {plate: Cluster(plate, "", None, 0) for plate in samples}
        for frame, plate in self._tally.frames.items():
            if plate in standing and frame in of_frames:
                standing[plate].ids.add(of_frames[frame])
        return [*self._tally.clusters, *standing.values()]

    def _told_late(self, cluster: Cluster, late: set[str]) -> bool:
        """Whether it was live and some of it no more when it was matched: then its hits may be several."""
        return cluster.captured_at is None and bool(cluster.ids & late)

    async def _announced(self, hits: Iterable[str]) -> None:
        verdict, told = self.verdict, self._tally.told
        announced = await topics.read(self._stack.bus, "hit.raised")
        ids = announced.ids()
        verdict.say("hits announced on the topic", len(ids))
        verdict.say("  of them more than once, with the same words", sum(count > 1 for count in ids.values()))
        words: dict[str, set[str]] = {}
        for record in announced.records:
            words.setdefault(record["id"], set()).add(str(sorted(record.items(), key=lambda item: item[0])))
        verdict.demand("hits announced in several versions", (one for one, said in words.items() if len(said) > 1))
        verdict.demand("hits never announced", set(hits) - ids.keys())
        verdict.demand("hits announced that are not kept", ids.keys() - set(hits))
        verdict.say("hits told on the stream, over all its interruptions", len({hit for _, hit in told}))
        verdict.demand("hits never told on the stream", ids.keys() - {hit for _, hit in told})
        places = [place for place, _ in told]
        twice = [after for before, after in pairwise(places) if after <= before]
        verdict.demand("events of the stream told twice or out of order", twice)

    async def _hits_of_api(self, hits: Mapping[str, Any]) -> None:
        found: dict[str, int] = {}
        more: dict[str, str] = {}
        while True:
            page = await self._ask("GET", "/v1/hits", params={**CRIMINAL, "limit": str(PAGE), **more})
            found.update({hit["id"]: hit["sightings"] for hit in page["hits"]})
            if page["next_cursor"] is None:
                break
            more = {"cursor": page["next_cursor"]}
        wrong = {one for one, row in hits.items() if found.get(one) != row["sightings"]} | (found.keys() - hits.keys())
        self.verdict.demand("hits that the API tells otherwise", wrong)

    async def _found_by_search(self) -> None:
        """Every acknowledged read is found once: by how plates begin or end, and some by the whole plate."""
        since = self._began - timedelta(minutes=1)
        day = {"from": since.isoformat(), "to": (since + timedelta(hours=23)).isoformat()}
        verdict, reads = self.verdict, self._tally.reads
        begun = {plate[:3] for plate in reads.values() if plate.startswith(BACKGROUND)}
        found = [one for three in sorted(begun) for one in await self._search({"pattern": f"{three}*", **day})]
        listed = await self._search({"pattern": f"*{LISTED}"})
        counted = Counter([*found, *listed])
        verdict.say("acknowledged reads found by search exactly once", sum(counted[one] == 1 for one in reads))
        verdict.demand("acknowledged reads not found", (one for one in reads if not counted[one]))
        verdict.demand("reads found twice", (one for one, count in counted.items() if count > 1))
        alone = [(one, plate) for one, plate in reads.items() if not plate.endswith(LISTED)]
        for read_id, plate in alone[:: max(1, len(alone) // ASKED_BY_PLATE)]:
            if (answer := await self._search({"plate": plate})) != [read_id]:
                verdict.findings.append(f"{read_id} by its plate: {len(answer)} found")

    async def _search(self, query: dict[str, str]) -> list[str]:
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = await self._ask("POST", "/v1/searches", json={**query, **CRIMINAL, "limit": PAGE, **more})
            found += [read["id"] for read in page["reads"]]
            if page["next_cursor"] is None:
                return found
            more = {"cursor": page["next_cursor"]}

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        """An answer; the faults are over, so it is asked again only for a short time."""
        for left in (4, 3, 2, 1, 0):
            try:
                return await self._scene.officer.request(method, path, **more)
            except (httpx.TransportError, ApiError) as error:
                if not left:
                    raise
                self._tally.failures[f"after the faults: {error}"] += 1
                await asyncio.sleep(1)
        raise AssertionError
