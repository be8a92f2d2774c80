"""`make run` as a newcomer meets it: the demonstration, the start page, the second start, Ctrl-C."""

import stat
from pathlib import Path
from typing import Any

import httpx
from precinct import platform

from platekeeper.demo import logins, street

DOCUMENTED = ("ingest", "recognition", "hotlist", "retention", "release", "accounts", "ledger", "publication")


async def test_the_first_start_shows_reads_and_hits_and_the_second_keeps_them(tmp_path: Path) -> None:
    var = tmp_path / "var"
    plates = [sample.plate for sample in street.samples()]

    async with platform(var) as first:
        await first.until(r"first administrator: admin, one-time password: \S{12,}")
        for plate in plates:
            await first.until(rf"^read\s+{plate}\b")
        await first.until(rf"^HIT\s+{plates[0]}\b.*exact")
        await first.until(rf"^HIT\s+{plates[2]}\b.*look-alike of")
        await first.until("keeps serving")
        await _start_page_shows_counts_and_no_plate(first.url, plates)
        await _documents_need_no_internet(first.url)
        assert await first.stop() == 0
    assert first.said[-1] == "stopped"
    assert not any(plate in line for line in first.errors for plate in plates)

    kept = var / logins.FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    before = kept.read_text()

    async with platform(var) as second:
        await second.until("loaded already")
        async with httpx.AsyncClient(base_url=second.url) as http:
            counts = {service["name"]: service["counts"] for service in await _services(http)}
        assert counts["retention"]["reads_stored"] >= len(plates)
        assert await second.stop() == 0
    assert kept.read_text() == before
    assert not any("one-time password" in line for line in second.said)


async def test_without_the_demonstration_nothing_is_loaded(tmp_path: Path) -> None:
    async with platform(tmp_path / "var", "--empty") as empty:
        await empty.until("first administrator")
        async with httpx.AsyncClient(base_url=empty.url) as http:
            counts = {service["name"]: service["counts"] for service in await _services(http)}
        assert counts["accounts"]["agencies"] == 0
        assert counts["retention"]["reads_stored"] == 0
        assert await empty.stop() == 0
    assert not (tmp_path / "var" / logins.FILE).exists()


async def test_everything_is_kept_under_var_and_a_second_process_is_refused(tmp_path: Path) -> None:
    var = tmp_path / "var"
    async with platform(var, "--empty") as one:
        await one.until("first administrator")
        async with platform(var, "--empty") as other:
            assert await other.process.wait() == 1
        assert any("another process is serving" in line for line in other.errors)
        assert await one.stop() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["var"]
    assert {"db", "bus.sqlite", "objects", "keys"} <= {path.name for path in var.iterdir()}


async def test_a_misspelt_setting_is_refused_by_name(tmp_path: Path) -> None:
    async with platform(tmp_path / "var", "--empty", PLATEKEEPER_PROT="1") as refused:
        assert await refused.process.wait() == 1
    assert any("PLATEKEEPER_PROT" in line and "PLATEKEEPER_PORT" in line for line in refused.errors)


async def _start_page_shows_counts_and_no_plate(url: str, plates: list[str]) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        page = await http.get("/", headers={"Accept": "text/html"})
        services = await _services(http)
    assert page.status_code == 200
    assert not any(plate in page.text for plate in plates)
    for name in DOCUMENTED:
        assert f"/docs/{name}" in page.text
    assert {service["name"]: service["ready"] for service in services} == dict.fromkeys(DOCUMENTED, True)


async def _services(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await http.get("/", headers={"Accept": "application/json"})
    services: list[dict[str, Any]] = answer.json()
    return services


async def _documents_need_no_internet(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        for name in DOCUMENTED:
            page = await http.get(f"/docs/{name}")
            assert page.status_code == 200
            assert "://" not in page.text.replace("http://www.w3.org", "")
            assert (await http.get(f"/docs/{name}/static/swagger-ui-bundle.js")).status_code == 200
            assert (await http.get(f"/docs/{name}/openapi.json")).json()["paths"]
