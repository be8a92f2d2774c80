"""The daily look at an agency's website: a real one, over TLS, that shows the policy, another one, or nothing (B11)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import uvicorn
from databases import on_both
from profiles import DEPARTMENTS
from standing import AGENCY, Town, eventually, town
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from unit.hotlist.scene import following
from unit.publication.newsroom import STATED, publish, state

from platekeeper.gateway import certificate
from platekeeper_access_audit.publication.posting import Problem
from platekeeper_access_audit.publication.room import PublicationSettings
from platekeeper_access_audit.publication.service import FOUND, PUBLICATION
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.metrics import Readings


@dataclass
class Website:
    """An agency's own: whatever the test puts there."""

    url: str = ""
    status: int = 200
    body: bytes = b"Welcome to the city"
    asked: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await Response(self.body, self.status)(scope, receive, send)


@asynccontextmanager
async def website(folder: Path) -> AsyncIterator[Website]:
    tls = folder / "tls.pem"
    certificate.ensure(tls, folder / "ca.pem")
    site = Website()
    config = uvicorn.Config(
        site, port=0, lifespan="off", log_config=None, ssl_certfile=tls, ssl_keyfile=tls, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        site.url = f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/policy"
        yield site
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def posting(folder: Path, **more: Any) -> AsyncIterator[tuple[Town, Website]]:
    async with website(folder) as site:
        own = PublicationSettings(look_seconds=0.1, authorities=folder / "ca.pem", **more)
        async with town(folder / "var", (PUBLICATION,), own={"publication": own}) as here:
            await state(here, *STATED)
            yield here, site


async def post_at(here: Town, url: str) -> None:
    async with here.client(here.person("boss", "administrator")) as boss:
        answer = await boss.put("/v1/policy-documents/public-url", json={"url": url})
    assert answer.status_code == 200, answer.text


async def found(here: Town, problem: str | None, version: int) -> dict[str, Any]:
    """What the administrator is told, once the last look was at that version and found that."""
    async with here.client(here.person("boss", "administrator")) as boss:

        async def told() -> Any:
            answer = (await boss.get("/v1/policy-documents/public-url")).json()
            same = (answer["problem"], answer["version"]) == (problem, version)
            return answer if same and answer["checked_at"] else None

        answer: dict[str, Any] = await eventually(told)
        return answer


async def seen(here: Town) -> dict[str, float]:
    """The gauge, by what was found."""
    readings = Readings()
    await PUBLICATION.figures(here.standing.rooms["publication"], readings.of("publication"))
    (series,) = readings._read.values()
    return {labels[1]: value for labels, value in series.items() if value}


@pytest.mark.clause("B11")
@pytest.mark.parametrize("department", DEPARTMENTS)
async def test_a_website_that_does_not_serve_the_policy_in_force_is_found(tmp_path: Path, department: str) -> None:
    async with posting(tmp_path) as (here, site):
        await here.open_agency(profile=department)
        first = await publish(here)
        await here.open_agency(profile=department, mode="live")
        await found(here, "no_address", 1)
        await post_at(here, site.url)
        await found(here, "another_version", 1)
        async with here.client() as anybody:
            site.body = (await anybody.get(f"/policy/{AGENCY}.pdf")).content
            await here.let_pass(hours=1)
            await found(here, None, 1)
            assert await seen(here) == {"posted": 1}
            await publish(here, purposes="Something else.")
            await found(here, "another_version", 2)
            assert await seen(here) == {"another_version": 1}
            site.body = b"<html>Our policy: " + (await anybody.get(f"/policy/{AGENCY}")).content
            await here.let_pass(hours=1)
            await found(here, None, 2)
        site.status = 404
        await here.let_pass(days=1)
        await found(here, "not_found", 2)
        await post_at(here, "https://127.0.0.1:9/policy")
        await found(here, "no_answer", 2)
        async with following(here, AccessRecorded.topic) as events:
            await eventually(lambda: len(_failures(events)) >= 5)
            failures = _failures(events)
        told = ["no_address", "another_version", "another_version", "not_found", "no_answer"]
        assert [failure.code for failure in failures] == [f"policy_{code}" for code in told]
        assert {(failure.clause, failure.action, failure.subject, failure.username) for failure in failures} == {
            ("B11", "policy.check", "service:publication", "service:publication")
        }
        assert first["version"] == 1


def _failures(events: list[Any]) -> list[AccessRecorded]:
    records = [event for event in events if isinstance(event, AccessRecorded) and event.outcome == "failed"]
    return sorted(records, key=lambda record: record.number)


@on_both
async def test_it_is_looked_at_once_a_day(tmp_path: Path) -> None:
    async with posting(tmp_path) as (here, site):
        published = await publish(here)
        site.body = published["sha256"].encode()
        await post_at(here, site.url)
        await found(here, None, 1)
        assert site.asked == 1
        await here.let_pass(hours=23)
        await asyncio.sleep(0.5)
        assert site.asked == 1
        await here.let_pass(hours=1)
        await eventually(lambda: site.asked == 2)


async def test_a_page_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    async with posting(tmp_path, answer_bytes=1_000) as (here, site):
        published = await publish(here)
        site.body = b" " * 100_000 + published["sha256"].encode()
        await post_at(here, site.url)
        await found(here, "another_version", 1)


@pytest.mark.clause("B11")
@pytest.mark.parametrize("url", ["http://example.org/policy", "https://user:pw@example.org", "https:///x", "ftp://a.b"])
async def test_an_address_that_browsers_cannot_trust_is_refused(tmp_path: Path, url: str) -> None:
    async with town(tmp_path / "var", (PUBLICATION,)) as here, here.client(here.person("b", "administrator")) as boss:
        answer = await boss.put("/v1/policy-documents/public-url", json={"url": url})
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (422, "url_invalid", "B11")


@pytest.mark.clause("B11")
@pytest.mark.parametrize("department", DEPARTMENTS)
async def test_an_agency_that_works_without_a_published_policy_is_found(tmp_path: Path, department: str) -> None:
    async with posting(tmp_path) as (here, site):
        await here.open_agency(profile=department, mode="live")
        await post_at(here, site.url)
        async with following(here, AccessRecorded.topic) as events:
            await eventually(lambda: _failures(events))
            (failure, *_) = _failures(events)
        assert (failure.code, failure.clause, failure.agency_id) == ("policy_not_published", "B11", AGENCY)
        assert await seen(here) == {"not_published": 1}
        await publish(here)
        await found(here, "another_version", 1)
        assert await seen(here) == {"another_version": 1}


async def test_an_agency_that_tries_things_out_may_have_published_nothing(tmp_path: Path) -> None:
    async with posting(tmp_path) as (here, site):
        await post_at(here, site.url)
        await asyncio.sleep(0.5)
        assert site.asked == 0
        assert await seen(here) == {}
        assert set(FOUND) == {"posted", "not_looked", *get_args(Problem)}
