"""What officers say of reads and look at is counted: error rates by camera, model and day, and never a plate (J1)."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from databases import on_both
from standing import Town
from unit.retention.office import START, USE, a_read, correct, keep, refusal, rows, store

from platekeeper_common.events.recognition import Model
from platekeeper_common.ids import CameraId

pytestmark = on_both


@pytest.mark.clause("J1")
async def test_a_read_is_one_look_and_one_error_also_where_another_model_or_month_read_it_better(
    here: Town, officer: httpx.AsyncClient
) -> None:
    image = await keep(here, b"\xff\xd8\xff\xe0\x00\x04ab x", "image", "image/jpeg")
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    before, after = ({"captured_at": midnight + timedelta(seconds=by), "image": image} for by in (-5, 1))
    newer = Model("ppocr", "7.0", "")
    read_ids = ("read-0001", "read-0002")

    async def open_pictures() -> None:
        for read_id in read_ids:
            assert (await officer.get(f"/v1/reads/{read_id}/image", params=USE)).status_code == 200

    async def told() -> list[tuple[str, int, int, int]]:
        async with here.client(here.person("boss", "supervisor")) as boss:
            cameras = (await boss.get("/v1/accuracy", params={"from": "2026-10-31", "to": "2026-11-01"})).json()
        names = ("model_version", "reads", "looked_at", "errors")
        return [tuple(camera[name] for name in names) for camera in cameras["cameras"]]

    await store(here, a_read(1, **before), a_read(2, **before))
    await open_pictures()
    await store(here, a_read(1, version=2, model=newer, **after), a_read(2, version=2, **after))
    await open_pictures()
    assert await told() == [("6.0", 2, 2, 0), ("7.0", 1, 0, 0)]
    await correct(officer, plate="8ABC128")
    assert await told() == [("6.0", 2, 1, 0), ("7.0", 1, 1, 1)]
    assert (await correct(officer, plate="8ABC129")).json()["corrections"][1]["number"] == 2
    assert await told() == [("6.0", 2, 1, 0), ("7.0", 1, 1, 1)]
    filed = "SELECT DISTINCT read_id, received_month FROM {} ORDER BY 1"
    assert [row[0] for row in rows(here, filed.format("look"))] == list(read_ids)
    assert [str(row[1]) for row in rows(here, filed.format("look"))] == ["2026-10-01"] * 2
    assert [str(row[1]) for row in rows(here, filed.format("correction"))] == ["2026-10-01"]


async def test_a_period_outside_of_the_calendar_is_refused(here: Town) -> None:
    async with here.client(here.person("boss", "supervisor")) as boss:
        for period in ({"from": "9999-12-31"}, {"to": "0001-01-01"}, {"from": "9999-12-31", "to": "9999-12-31"}):
            assert refusal(await boss.get("/v1/accuracy", params=period)) == (422, "period_invalid", None)
        assert (await boss.get("/v1/accuracy", params={"from": "0001-01-01", "to": "0001-01-02"})).status_code == 200
        far = await boss.get("/v1/accuracy", params={"from": "9999-12-01", "to": "9999-12-02"})
        assert far.status_code == 200


@pytest.mark.clause("J1")
async def test_the_error_rate_is_told_by_camera_model_and_day_over_what_was_looked_at_and_over_all(
    here: Town, officer: httpx.AsyncClient
) -> None:
    crop = await keep(here, b"\xff\xd8\xff\xe0\x00\x04ab a crop", "crop", "image/jpeg")
    newer = Model("own", "2", "")
    await store(
        here,
        *(a_read(number, crop=crop) for number in range(1, 9)),
        a_read(9, model=newer),
        a_read(10, camera_id=CameraId("south-gate"), captured_at=START + timedelta(hours=20)),
        a_read(11, crop=crop, captured_at=START + timedelta(hours=19, minutes=59, seconds=59)),
    )
    await correct(officer, "read-0001", plate="8ABC128")
    await correct(officer, "read-0002", no_plate=True)
    await correct(officer, "read-0003", plate="8ABC123", state="CA")
    for read_id in ("read-0003", "read-0004", "read-0004", "read-0005"):
        assert (await officer.get(f"/v1/reads/{read_id}/crop", params=USE)).status_code == 200
    async with here.client(here.person("boss", "supervisor")) as boss:
        answer = await boss.get("/v1/accuracy", params={"from": "2026-11-22", "to": "2026-11-23"})
        assert "8ABC" not in answer.text
        assert refusal(await boss.get("/v1/accuracy", params={"from": "2026-11-22", "to": "2026-12-23"})) == (
            422,
            "period_invalid",
            None,
        )
        last_week = (await boss.get("/v1/accuracy")).json()
    told = answer.json()
    assert (told["from"], told["to"], told["time_zone"]) == ("2026-11-22", "2026-11-23", "America/Los_Angeles")
    assert (last_week["from"], last_week["to"]) == ("2026-11-16", "2026-11-22")
    own, north, south = told["cameras"]
    assert (north["camera_id"], north["model_name"], north["model_version"]) == ("north-gate", "ppocr", "6.0")
    counted = {
        "reads": 9,
        "looked_at": 5,
        "misread": 1,
        "no_plate": 1,
        "other_state": 1,
        "confirmed": 0,
        "errors": 2,
        "error_rate_of_looked_at": 0.4,
        "error_rate_of_reads": 2 / 9,
    }
    assert {name: north[name] for name in counted} == counted
    assert [(day["day"], day["reads"]) for day in north["days"]] == [("2026-11-22", 9)]
    assert (own["model_version"], own["reads"], own["looked_at"]) == ("2", 1, 0)
    assert (own["error_rate_of_looked_at"], own["error_rate_of_reads"]) == (None, None)
    assert (south["camera_id"], [day["day"] for day in south["days"]]) == ("south-gate", ["2026-11-23"])
    assert refusal(await officer.get("/v1/accuracy")) == (403, "not_allowed", "A2")


async def test_operators_see_how_many_and_never_what(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1), a_read(2, source="edge"))
    await correct(officer, plate="8ABC128")
    await correct(officer, plate="8ABC128")
    await correct(officer, "read-0002", no_plate=True)
    counted = here.standing.foundation.meters.registry.get_sample_value
    labels = {"service": "retention", "verdict": "misread", "source": "recognition"}
    assert counted("platekeeper_retention_corrections_total", labels) == 1
    assert counted("platekeeper_retention_looks_total", {"service": "retention", "source": "edge"}) == 1
