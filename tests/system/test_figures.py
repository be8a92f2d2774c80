"""/metrics tells how things stand: lag, depths, dead letters, audit lag; on its own port only."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert
from standing import Town, town
from unit.retention.office import a_read, publish

from platekeeper import metrics, server
from platekeeper.registry import SERVICES
from platekeeper_common import ids
from platekeeper_common.dead_letters import dead_letter
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.events.catalogue import TOPICS
from platekeeper_common.outbox import outbox
from platekeeper_common.settings import Settings
from platekeeper_retention.service import SERVICE as RETENTION

PROJECT = Path(__file__).parents[2]


async def figures(here: Town) -> dict[tuple[str, ...], float]:
    """Each series by its name and its labels' values in the order of their names, as a scrape reads them."""
    transport = httpx.ASGITransport(app=metrics.door(here.standing))
    async with httpx.AsyncClient(transport=transport, base_url="http://operators") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_lag_and_dead_letters_are_told(tmp_path: Path) -> None:
    async with town(tmp_path / "var", [RETENTION]) as here:
        first = await figures(here)
        assert first["platekeeper_dead_letters", "retention", "retention"] == 0
        assert first["platekeeper_part_ready", "consume retention", "retention"] == 1
        assert first["platekeeper_part_ready", "follow agency.changed", "foundation"] == 1
        room = here.standing.rooms["retention"]
        letter = {"consumer_group": "retention", "topic": "plates.read", "partition": 0, "offset": 1, "key": "cam"}
        letter |= {"value": b"7KXQ042", "reason": "agency_closed", "attempts": 1}
        async with room.db.tx() as tx:
            await tx.write(
                insert(dead_letter).values(id=ids.new(), published_at=here.clock(), at=here.clock(), **letter)
            )
        for part in here.standing.parts["retention"]:
            if part.name == "consume retention":
                await part.stop()
        await publish(here, a_read())
        here.clock.advance(seconds=90)
        told = await figures(here)
        behind = {key: value for key, value in told.items() if key[0].startswith("platekeeper_consumer_lag") and value}
        assert sorted(behind.values()) == [1, 90]
        assert told["platekeeper_dead_letters", "retention", "retention"] == 1
        assert told["platekeeper_part_ready", "consume retention", "retention"] == 0


async def test_audit_lag_is_told(tmp_path: Path) -> None:
    async with town(tmp_path / "var", [RETENTION]) as here:
        room, clock = here.standing.rooms["retention"], here.clock
        relay = next(part for part in here.standing.parts["retention"] if part.name == "relay")
        await relay.stop()
        event = {"type": AccessRevoked.type, "data": b"{}"}
        async with room.db.tx() as tx:
            await tx.write(insert(outbox).values(**event, access_record=False, created_at=clock()))
        clock.advance(seconds=10)
        async with room.db.tx() as tx:
            await tx.write(insert(outbox).values(**event, access_record=True, created_at=clock()))
        clock.advance(seconds=20)
        told = await figures(here)
        assert told["platekeeper_outbox_events", "retention"] == 2
        assert told["platekeeper_outbox_oldest_age_seconds", "retention"] == 30
        assert told["platekeeper_audit_unsent_age_seconds", "retention"] == 20
        assert told["platekeeper_audit_checkpoint_age_seconds", "foundation"] == 0, "signed in the far future"

        foundation = here.standing.foundation
        foundation.checkpoints.last = None
        await here.say_signed(clock() - timedelta(seconds=45))
        assert (await figures(here))["platekeeper_audit_checkpoint_age_seconds", "foundation"] == 45
        assert (await figures(here))["platekeeper_audit_checkpoint_records", "foundation"] == 0


async def test_a_service_that_cannot_tell_is_named_and_the_others_are_told(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here:
        await here.standing.foundation.bus.close()
        told = await figures(here)
        unread = {key[1]: value for key, value in told.items() if key[0] == "platekeeper_figures_unread"}
        consume = dict.fromkeys(("accounts", "recognition", "hotlist", "retention", "ledger"), 1)
        assert unread == consume | {"ingest": 0, "release": 0, "publication": 0}
        assert told["platekeeper_ledger_records", "ledger"] == 0
        assert told["platekeeper_ingest_backlog_events", "ingest", "plates.read"] == 0


async def test_names_follow_the_conventions(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here:
        text = await metrics.text(here.standing)
        families = list(text_string_to_metric_families(text.decode()))
    ours = [family for family in families if not family.name.startswith("process_")]
    assert len({family.name for family in families}) == len(families)
    for family in ours:
        assert family.name.startswith("platekeeper_")
        assert family.documentation.endswith(".")
        assert all("service" in sample.labels for sample in family.samples)
        assert (family.type == "counter") == all(s.name.endswith("_total") for s in family.samples), family.name
        assert family.type != "gauge" or not family.name.endswith(("_total", "_count", "_sum"))


@pytest.mark.clause("G2")
async def test_the_public_door_has_no_figures(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", policies=PROJECT / "policies", port=0, metrics_port=0)
    async with server.serve(settings) as serving, httpx.AsyncClient(trust_env=False) as client:
        assert serving.metrics_url is not None
        public = await client.get(f"{serving.url}/metrics")
        assert (public.status_code, public.json()["code"]) == (404, "not_found")
        assert "platekeeper_" not in public.text
        internal = await client.get(serving.metrics_url)
        assert internal.status_code == 200
        assert "platekeeper_build_info" in internal.text
        for path in ("/", "/docs", "/v1/agencies", "/health/ingest"):
            assert (await client.get(serving.metrics_url.replace("/metrics", path))).status_code == 404
        assert serving.server.config.access_log is False


async def test_the_port_can_be_off_and_one_that_was_asked_for_must_be_free(tmp_path: Path) -> None:
    def settings(**more: object) -> Settings:
        return Settings(var=tmp_path / "var", policies=PROJECT / "policies", port=0, **more)  # type: ignore[arg-type]

    async with server.serve(settings(metrics_port="off")) as serving:
        assert serving.metrics_url is None
    with server.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port} cannot be served"):
            async with server.serve(settings(metrics_port=port)):
                pass
    with server.listen("127.0.0.1", 0):
        pass


async def test_every_label_says_only_what_our_own_code_can_say(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here:
        async with here.client() as stranger:
            for path in ("/v1/searches", "/v1/reads/7KXQ042", "/v1/hits/7KXQ042", "/7KXQ042", "/docs/ingest"):
                await stranger.get(path)
                await stranger.post(path, json={"plate": "7KXQ042"})
        text = (await metrics.text(here.standing)).decode()
        known = set(words(here))
    said = {
        (name, value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for name, value in sample.labels.items()
    }
    free = {"sha256", "model", "version", "le"}
    assert {(name, value) for name, value in said if name not in free and value not in known} == set()


def words(here: Town) -> Iterator[str]:
    """Every word of ours: services, parts, groups, topics, routes, codes in the source, clauses, closed sets."""
    yield from ("true", "false", "none", "documents", "pages", "foundation", "other", "GET", "POST", "exact", "ppocr")
    yield from ("look_alike", "partial", "2xx", "3xx", "4xx", "5xx", *map(str, range(64)), *TOPICS)
    yield from (str(status) for status in range(400, 600))
    for service, app in here.standing.apps.items():
        yield service
        yield from (context.path or "" for context in iter_route_contexts(app.routes))
    yield from (part.name for parts in here.standing.parts.values() for part in parts)
    yield from (consumes.group for service in SERVICES for consumes in service.consumes)
    yield from (f"{letter}{number}" for letter in "ABCDEFGHIJ" for number in range(1, 13))
    for folder in ("libs/common", "services", "platekeeper"):
        for path in (PROJECT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text())
            yield from (
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str
            )
