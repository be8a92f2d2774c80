"""Traffic as devices and officers make it: each call again until it is acknowledged; what was is put in the tally."""

import asyncio
import itertools
import json
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from httpx_sse import SSEError, aconnect_sse
from precinct import CRIMINAL, PATROL

from chaos.scene import CAMERAS, Scene, background_plates
from chaos.tally import Cluster, Tally
from platekeeper.client import ApiError, Session
from platekeeper.demo import street

LANES = 3
"""Devices that post reads, each waiting for its answer before the next batch."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds between two attempts of one call, doubling, less up to half of them by chance."""
CLUSTER_SECONDS = 4.0
LATE_APART = timedelta(minutes=30)
"""Between two clusters of late reads: three times what makes a sighting."""
LATE_STEP = timedelta(seconds=20)
MOST_IN_A_CLUSTER = 4
IMPATIENT, AGAIN = 8, 7
"""Each how-many-th batch is given up at its first failure, and is posted again after it was acknowledged."""
PASSING = {401, 408, 429, 500, 502, 503, 504}
"""What a device answers by trying again; anything else is a finding."""


class GivenUp(Exception):
    """The device does not try again."""


@dataclass
class Traffic:
    """Everybody who calls; `begin` starts them, `finish` lets each end what it has in hand."""

    scene: Scene
    tally: Tally
    dice: random.Random
    reads_a_second: float
    frame_seconds: float
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    listening: asyncio.Task[None] | None = None
    _waiting: "deque[Cluster]" = field(default_factory=deque)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _plates: Iterator[str] = field(default_factory=background_plates)

    async def begin(self) -> None:
        """Start; the listener first, and one hit before anything is broken, so that it knows where it stands."""
        self.listening = asyncio.create_task(self._listen())
        await asyncio.sleep(2)
        self._add_cluster(self.scene.live_plates[0], 0, late=False, reads=1)
        work = [*(self._post_reads(lane) for lane in range(LANES)), self._post_frames(), self._search(), self._meet()]
        self.tasks = [asyncio.create_task(one) for one in work]
        async with asyncio.timeout(60):
            while not self.tally.told:
                self.check()
                await asyncio.sleep(0.2)

    def check(self) -> None:
        """Raise what a caller died of."""
        for task in [*self.tasks, *([self.listening] if self.listening else [])]:
            if task.done() and (error := task.exception()):
                raise error

    async def finish(self, seconds: float) -> None:
        """No new calls; return when those in hand are acknowledged. Raises TimeoutError."""
        self.ending.set()
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self.tasks)

    async def close(self) -> None:
        """End everybody."""
        every = [*self.tasks, *([self.listening] if self.listening else [])]
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)

    # -- hits that are owed

    async def _meet(self) -> None:
        """A listed vehicle passes every few seconds: by turns live, and as a patrol car hands in what it saw days ago.

        A plate meets the same camera again only after all other pairs.
        """
        live, late = self.scene.live_plates, self.scene.late_plates
        for number in itertools.count(1):
            if await self._wait(CLUSTER_SECONDS):
                return
            reads, turn = self.dice.randint(1, MOST_IN_A_CLUSTER), number // 2
            if number % 2:
                self._add_cluster(live[(turn + 1) % len(live)], (turn + 1) % CAMERAS, late=False, reads=reads)
            else:
                self._add_cluster(late[turn % len(late)], turn % CAMERAS, late=True, reads=reads, number=turn)

    def _add_cluster(self, plate: str, camera: int, *, late: bool, reads: int, number: int = 0) -> None:
        at = datetime.now(UTC) - timedelta(days=10) + number * LATE_APART if late else None
        cluster = Cluster(plate, self.scene.cameras[camera], at, reads)
        self.tally.clusters.append(cluster)
        self._waiting.append(cluster)

    # -- edge reads

    async def _post_reads(self, lane: int) -> None:
        device = self.scene.device()
        size = max(1, round(self.reads_a_second))
        await asyncio.sleep(lane * 1.0)
        for number in itertools.count(1):
            began = asyncio.get_running_loop().time()
            impatient = number % IMPATIENT == 0
            reads, clusters = self._batch(lane, size, listed=not impatient)
            plates = {read["read_id"]: read["plate"] for read in reads}
            try:
                answer = await self._until_taken(lambda r=reads: device.post("/v1/reads", r), device, give_up=impatient)  # type: ignore[misc]
            except GivenUp:
                self.tally.given_up |= set(plates.values())
            else:
                self._acknowledge(answer, plates, clusters)
                if number % AGAIN == 0:
                    again = await self._until_taken(lambda r=reads: device.post("/v1/reads", r), device)  # type: ignore[misc]
                    self.tally.repeated += 1
                    self._acknowledge(again, plates, clusters)
            if self.ending.is_set() and not self._waiting:
                return
            await self._wait(LANES - (asyncio.get_running_loop().time() - began))

    def _batch(self, lane: int, size: int, *, listed: bool) -> tuple[list[dict[str, Any]], dict[str, Cluster]]:
        """Reads of one batch, and which of them belong to clusters: at most one of each."""
        now, clusters = datetime.now(UTC), {}
        reads = [self._read(next(self._plates), self.dice.choice(self.scene.cameras), now) for _ in range(size)]
        for _ in range(len(self._waiting) if listed else 0):
            cluster = self._waiting.popleft()
            # Half of a cluster's reads lie in one batch, the rest in batches of other lanes.
            for _ in range(max(1, cluster.reads // 2)):
                read = self._read(cluster.plate, cluster.camera, self._captured(cluster, now))
                clusters[read["read_id"]] = cluster
                reads.append(read)
                cluster.reads -= 1
            if cluster.reads:
                self._waiting.append(cluster)
        self.dice.shuffle(reads)
        return reads, clusters

    def _captured(self, cluster: Cluster, now: datetime) -> datetime:
        if cluster.captured_at is None:
            return now
        return cluster.captured_at + self.dice.randint(0, 5) * LATE_STEP

    def _read(self, plate: str, camera: str, at: datetime) -> dict[str, Any]:
        return {
            "read_id": f"r-{next(self._numbers)}",
            "camera_id": camera,
            "plate": plate,
            "confidence": 0.9,
            "captured_at": at.isoformat(),
        }

    def _acknowledge(self, answer: Any, plates: dict[str, str], clusters: dict[str, Cluster]) -> None:
        for result in answer["results"]:
            if not result["accepted"]:
                self.tally.findings.append(f"a good read was refused: {result.get('code')}")
                continue
            self.tally.acknowledge(result["id"], plates[result["read_id"]])
            if cluster := clusters.get(result["read_id"]):
                cluster.ids.add(result["id"])

    # -- frames

    async def _post_frames(self) -> None:
        device, samples = self.scene.device(), street.samples()
        for number in itertools.count():
            sample = samples[number % len(samples)]
            metadata = {
                "camera_id": self.scene.cameras[number % len(samples) % CAMERAS],
                "frame_id": f"f-{number}",
                "captured_at": datetime.now(UTC).isoformat(),
            }
            image = sample.image()

            async def post(metadata: dict[str, str] = metadata, image: bytes = image) -> Any:
                files = {"image": ("frame.jpg", image, "image/jpeg")}
                return await device.request("POST", "/v1/frames", data={"metadata": json.dumps(metadata)}, files=files)

            taken = await self._until_taken(post, device)
            if number % AGAIN == 0:
                self.tally.repeated += 1
                again = await self._until_taken(post, device)
                if again["id"] != taken["id"]:
                    self.tally.findings.append("a frame posted again got another id")
            self.tally.frames[taken["id"]] = sample.plate
            if await self._wait(self.frame_seconds):
                return

    # -- people

    async def _search(self) -> None:
        """An officer looks for what was acknowledged; who gets an answer also gets the name of its access record."""
        officer = self.scene.officer
        while not await self._wait(1.0):
            plate = self.dice.choice([*self.tally.reads.values()] or ["KAA33AA"])
            try:
                answer = await self.scene.http.post(
                    "/v1/searches", json={"plate": plate, **CRIMINAL}, headers=await officer.headers()
                )
            except (httpx.TransportError, ApiError) as error:
                self._failed(error, officer)
                continue
            if answer.status_code == 201:
                self.tally.records.add(answer.headers["Access-Record-Id"])
            else:
                self.tally.failures[f"search {answer.status_code}"] += 1

    async def _listen(self) -> None:
        """A dispatcher's stream of hits, opened again behind the last one whenever it ends."""
        while True:
            try:
                await self._listen_once()
            except (httpx.TransportError, SSEError, ApiError) as error:
                self.tally.failures[f"stream {type(error).__name__}"] += 1
            await asyncio.sleep(2 * FIRST_PAUSE)

    async def _listen_once(self) -> None:
        headers = await self.scene.officer.headers()
        if self.tally.told:
            headers["Last-Event-ID"] = str(self.tally.told[-1][0])
        path, http = "/v1/hits/stream", self.scene.http
        async with aconnect_sse(http, "GET", path, params=PATROL, headers=headers, timeout=60) as source:
            if source.response.is_error:
                self.tally.failures[f"stream {source.response.status_code}"] += 1
                return
            async for event in source.aiter_sse():
                if event.event in ("hit", "late_hit", "partial_hit"):
                    self.tally.told.append((int(event.id), event.json()["id"]))

    # -- what all have in common

    async def _until_taken(self, call: Callable[[], Awaitable[Any]], who: Session, *, give_up: bool = False) -> Any:
        pause = FIRST_PAUSE
        while True:
            try:
                return await call()
            except (httpx.TransportError, ApiError) as error:
                self._failed(error, who)
                if give_up:
                    raise GivenUp from error
            await asyncio.sleep(pause * self.dice.uniform(0.5, 1))
            pause = min(LONGEST_PAUSE, 2 * pause)

    def _failed(self, error: Exception, who: Session) -> None:
        if not isinstance(error, ApiError):
            self.tally.failures[type(error).__name__] += 1
            return
        self.tally.failures[f"{error.status} {error.code}"] += 1
        if error.status not in PASSING:
            self.tally.findings.append(f"answered {error.status} {error.code}: {error.detail}")
        if error.status == httpx.codes.UNAUTHORIZED:
            who._token = None  # a device that is not known logs in anew

    async def _wait(self, seconds: float) -> bool:
        """Whether the end came first."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.ending.wait()
        except TimeoutError:
            return False
        return True
