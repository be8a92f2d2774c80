"""The command line beside `run`: policy check, audit verify, dlq."""

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import structs
from precinct import ADMIN_PASSWORD, CRIMINAL, PROJECT, Platform, Precinct, open_precinct, platform

from platekeeper import client
from platekeeper.demo import street
from platekeeper_access_audit.ledger import archive, domain
from platekeeper_access_audit.ledger.checkpoints import Checkpoint, Signer
from platekeeper_common import keys, stores
from platekeeper_common.bus.embedded import EmbeddedBus
from platekeeper_common.events.ingest import FrameCaptured, ImageReference
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, FrameId
from platekeeper_common.objects import Objects


async def platekeeper(*arguments: str, answers: str = "") -> tuple[int, str, str]:
    """Run a command with lines on its standard input: exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("platekeeper"),
        *arguments,
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(answers.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_policy_check_names_file_and_key(tmp_path: Path) -> None:
    for path in (PROJECT / "policies").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert (await platekeeper("policy", "check", str(tmp_path)))[0] == 0

    galt = tmp_path / "galt.toml"
    galt.write_text(galt.read_text().replace("[retention]", '[retention]\nminimun = "1 year"'))
    status, _, told = await platekeeper("policy", "check", str(tmp_path))
    assert status == 1
    assert "galt.toml" in told
    assert "retention.minimun" in told


async def test_audit_verify_names_what_is_wrong(tmp_path: Path) -> None:
    signer = Signer("pomona.example/ledger", bytes(32))
    content = {"id": "1", "producer": "retention", "number": 1, "at": "2026-11-22T18:00:00.00Z"}
    salt, canonical = "AAECAwQFBgcICQoLDA0ODw==", json.dumps(content)
    root = domain.leaf_hash(salt, canonical.encode())
    note = signer.sign(Checkpoint(signer.origin, 1, root))
    archive.keep(tmp_path / "checkpoints", note, size=1, signed_at=datetime(2026, 11, 22, 18, tzinfo=UTC))
    leaves = tmp_path / "leaves.ndjson"
    leaves.write_text(json.dumps({"index": 0, "salt": salt, "canonical": canonical, "leaf_hash": root.hex()}) + "\n")
    folder = str(tmp_path / "checkpoints")
    verify = ("audit", "verify", "--leaves", str(leaves), "--checkpoints", folder, "--key")

    status, told, _ = await platekeeper(*verify, signer.key)
    assert (status, told) == (0, "1 records, 0 without content, 1 checkpoints: 1 records stand as they were signed\n")
    leaves.write_text(leaves.read_text().replace("retention", "retentioN"))
    status, told, _ = await platekeeper(*verify, signer.key)
    assert (status, told.splitlines()[0]) == (1, "changed: record 0: its content does not have its hash")
    assert told.endswith(": 0 records stand as they were signed\n")
    status, _, told = await platekeeper(*verify, "nonsense")
    assert (status, told) == (2, "a verifier key is name+hash+base64 of an Ed25519 key\n")


async def test_dead_letters_are_listed_shown_retried_and_discarded(tmp_path: Path) -> None:
    var, sample = tmp_path / "var", street.samples()[0]
    async with platform(var, "--empty") as running, client.connect(running.url) as http:
        precinct = await open_precinct(http, (await running.until(r"one-time password: (\S+)"))[1])
        assert await running.stop() == 0
    objects = Objects(stores.folder("object store", var / "objects"), keys.in_folder(var / "keys"))
    await _publish_frames_without_their_picture(var, precinct, sample.image())

    async with platform(var, "--empty") as running:
        dlq = partial(_dlq, running)
        letter, other = await _letters(dlq)
        status, shown, _ = await dlq("show", "recognition", letter)
        assert status == 0
        assert "frame.captured" in shown
        status, retried, _ = await dlq("retry", "recognition", letter)
        assert status == 1
        assert "failed" in retried
        status, discarded, _ = await dlq("discard", "recognition", other)
        assert (status, discarded) == (0, f"{other} is discarded; a record of it is kept\n")
        status, _, told = await dlq("discard", "recognition", other)
        assert (status, "dead_letter_unknown" in told) == (1, True)

        await objects.put(sample.image(), **_place(precinct))
        status, retried, _ = await dlq("retry", "recognition", letter)
        assert status == 0
        assert "handled" in retried
        status, listed, _ = await dlq("list")
        assert "recognition: 0 dead letters" in listed
        async with client.connect(running.url) as http:
            precinct.officer.http = http
            query = {"plate": sample.plate, **CRIMINAL}
            async with asyncio.timeout(30):
                while not (await precinct.officer.post("/v1/searches", query))["reads"]:
                    await asyncio.sleep(0.1)
        assert await running.stop() == 0


async def test_dead_letters_are_shown_to_nobody_with_a_wrong_password(tmp_path: Path) -> None:
    async with platform(tmp_path / "var", "--empty") as running:
        await running.until("first administrator")
        status, _, told = await platekeeper("dlq", "--url", running.url, "list", answers="wrong\n")
        assert status == 1
        assert "credentials_wrong" in told


async def test_a_command_names_the_platform_that_does_not_answer() -> None:
    status, _, told = await platekeeper("dlq", "--url", "http://127.0.0.1:9", "list", answers="any\n")
    assert status == 1
    assert "platekeeper: http://127.0.0.1:9/ does not answer" in told


async def test_a_file_is_imported_and_every_refused_row_told(tmp_path: Path) -> None:
    file = tmp_path / "stolen.csv"
    file.write_text("Plate Number,Description,State/Province\n7SAM123,Taken,CA\n7SAM124,Taken,0H\n")
    command = ("hotlist", "import", str(file), "--list", "Stolen", "--category", "stolen_vehicle", "--username", "boss")
    use = ("--purpose", CRIMINAL["purpose"], "--matter-type", "criminal", "--matter-number", "26-001234")
    async with platform(tmp_path / "var", "--empty") as running, client.connect(running.url) as http:
        precinct = await open_precinct(http, (await running.until(r"one-time password: (\S+)"))[1])
        boss = precinct.administrator
        await boss.post("/v1/hotlists", {"name": "Stolen", "source": "dept", **CRIMINAL})
        assert boss._login
        password = boss._login.body["password"]
        run = partial(platekeeper, *command, *use, "--url", running.url, answers=f"{password}\n")
        status, told, bar = await run()
        assert status == 1
        assert told.splitlines()[0].startswith("row 3: state_unknown: ")
        assert "finished: 2 rows: 1 added, 0 changed, 0 unchanged, 1 refused, 0 removed" in told
        assert "stolen.csv: 100%" in bar
        file.write_text(file.read_text().replace("0H", "OH"))
        status, told, _ = await run()
        assert (status, told.count("\n")) == (0, 1)
        assert "1 added, 0 changed, 1 unchanged" in told
        status, _, told = await platekeeper(
            *command[:4], "Nowhere", *command[5:], *use, "--url", running.url, answers=f"{password}\n"
        )
        assert (status, "hotlist_unknown" in told) == (2, True)
        out = tmp_path / "misread.zip"
        export = ("corrections", "export", "--out", str(out), "--username", "boss", *use, "--url", running.url)
        status, _, told = await platekeeper(*export, answers=f"{password}\n")
        assert (status, "training_export_not_allowed" in told) == (2, True)
        assert [path.name for path in tmp_path.glob("*misread*")] == []


async def _dlq(running: Platform, *arguments: str) -> tuple[int, str, str]:
    return await platekeeper("dlq", "--url", running.url, *arguments, answers=f"{ADMIN_PASSWORD}\n")


async def _letters(dlq: Callable[..., Awaitable[tuple[int, str, str]]]) -> tuple[str, str]:
    """The ids of recognition's two dead letters, once they are there."""
    two = re.compile(r"recognition: 2 dead letters\n  (\S+) .*\n  (\S+) ")
    async with asyncio.timeout(60):
        while not (found := two.search((await dlq("list"))[1])):
            await asyncio.sleep(0.2)
    return found[1], found[2]


def _place(precinct: Precinct) -> dict[str, Any]:
    """Where the frame's picture belongs in the object store."""
    return {
        "agency_id": AgencyId(precinct.agency_id),
        "received_on": date(2026, 11, 22),
        "kind": "image",
        "name": "frame-without-picture",
        "media_type": "image/jpeg",
    }


async def _publish_frames_without_their_picture(var: Path, precinct: Precinct, image: bytes) -> None:
    now = datetime.now(UTC)
    path = f"{precinct.agency_id}/2026-11-22/image/frame-without-picture"
    frame = FrameCaptured(
        agency_id=AgencyId(precinct.agency_id),
        id=FrameId("frame-without-picture"),
        device_id=DeviceId(precinct.device_id),
        camera_id=CameraId(precinct.cameras[0]),
        device_frame_id="1",
        captured_at=now,
        received_at=now,
        live_until=now + timedelta(minutes=5),
        image=ImageReference(path, hashlib.sha256(image).hexdigest(), "image/jpeg"),
    )
    async with EmbeddedBus.open(var / "bus.sqlite") as bus:
        await bus.publish([frame, structs.replace(frame, id=FrameId("another"))], source="ingest")
