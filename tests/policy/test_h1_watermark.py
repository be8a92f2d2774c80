"""H1: screens and exports say who got what they show, and when."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from profiles import DEPARTMENTS
from standing import AGENCY, eventually, town
from unit.retention.office import a_read, keep, store

from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common import watermark
from platekeeper_common.ids import AgencyId
from platekeeper_retention.service import SERVICE

HARBOR = AgencyId("harbor")
USE = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}


@pytest.mark.clause("H1")
@pytest.mark.parametrize("department", DEPARTMENTS)
async def test_answers_and_exports_are_marked_with_user_and_time(tmp_path: Path, department: str) -> None:
    async with town(tmp_path / "var", (SERVICE, LEDGER)) as here:
        await here.open_agency(HARBOR, department)
        officer = here.person("iris", "officer", agency_id=HARBOR)
        auditor = here.person("amy", "auditor", agency_id=HARBOR)
        async with here.client(officer) as iris, here.client(auditor) as amy, here.client() as nobody:
            found = await iris.post("/v1/searches", json=USE | {"plate": "8ABC123"})
            assert found.status_code == 201, found.text
            refused = await iris.get("/v1/reads/none/image", params=USE)
            for answer in (found, refused):
                assert answer.headers[watermark.HEADER] == "iris harbor 2026-11-22T18:00:00Z"
            await eventually(lambda: here.rows("ledger", "SELECT 1 FROM access_record"))
            exported = await amy.get("/v1/access-records/export")
            assert exported.headers[watermark.HEADER] == "amy harbor 2026-11-22T18:00:00Z"
            assert exported.headers["cache-control"] == "no-store"
            marks = {json.loads(line)["exported"] for line in exported.text.splitlines()}
            assert marks == {"amy harbor 2026-11-22T18:00:00Z"}, "the header is lost when the answer is saved"
            assert watermark.HEADER not in (await nobody.get("/health/retention")).headers


@pytest.mark.clause("H1")
@pytest.mark.parametrize("department", DEPARTMENTS)
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
async def test_a_picture_carries_the_mark_and_not_a_pixel_changes(tmp_path: Path, department: str, kind: str) -> None:
    drawn, data = Image.effect_noise((64, 32), 50), io.BytesIO()
    drawn.save(data, kind, exif=Image.Exif())
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await here.open_agency(AGENCY, department)
        kept = await keep(here, data.getvalue(), "image", f"image/{kind}")
        await store(here, a_read(1, image=kept))
        async with here.client(here.person("iris")) as iris:
            shown = (await iris.get("/v1/reads/read-0001/image", params=USE)).content
    assert b"iris pomona-pd 2026-11-22T18:00:00Z" in shown
    with Image.open(io.BytesIO(data.getvalue())) as before, Image.open(io.BytesIO(shown)) as after:
        assert after.format == kind.upper()
        assert after.tobytes() == before.tobytes()


@pytest.mark.clause("H1")
async def test_the_platforms_own_people_hold_no_key_to_plate_data(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        host = here.person("root", "platform_administrator")
        async with here.client(host) as root:
            for answer in (
                await root.post("/v1/searches", json=USE | {"plate": "8ABC123"}),
                await root.get("/v1/reads/read-1", params=USE),
                await root.get("/v1/reads/read-1/image", params=USE),
            ):
                assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
