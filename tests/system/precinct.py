"""Runs the platform as its users do, in a process of its own, and sets up an agency through the public API."""

import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from platekeeper import client
from platekeeper.client import Session
from platekeeper.stack.ports import free_port

PROJECT = Path(__file__).parents[2]
PATROL = {"purpose": "routine_patrol", "matter_type": "patrol", "unit": "7"}
ADMIN_PASSWORD = "correct horse battery staple"
"""What the first administrator chooses in these tests."""
CRIMINAL = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-001234"}


@dataclass
class Platform:
    """A running `platekeeper run`, and what it has said."""

    url: str
    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def until(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """The first line said that matches; AssertionError with everything said when none does."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            for line in self.said:
                if match := re.search(pattern, line):
                    return match
            if self.process.returncode is not None:
                break
            await asyncio.sleep(0.02)
        raise AssertionError(f"{pattern!r} was never said:\n" + "\n".join([*self.said, *self.errors]))

    async def stop(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), 30)

    async def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def platform(var: Path, *arguments: str, **environment: str) -> AsyncIterator[Platform]:
    """`platekeeper run` over the folder `var` on a free port; killed at the end when it still runs."""
    port = free_port()
    settings = {"VAR": str(var), "PORT": str(port), "METRICS_PORT": "0"}
    ours = {f"PLATEKEEPER_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("platekeeper"),
        "run",
        *arguments,
        cwd=PROJECT,
        env={**os.environ, **ours, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Platform(f"http://127.0.0.1:{port}", process)
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        asyncio.create_task(_collect(process.stdout, running.said)),
        asyncio.create_task(_collect(process.stderr, running.errors)),
    ]
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*readers)


async def _collect(stream: asyncio.StreamReader, lines: list[str]) -> None:
    async for line in stream:
        lines.append(line.decode().rstrip("\n"))  # noqa: PERF401 - others read the list while it grows


TITLES = {
    "administrator": "Administrative Services Division Commander",
    "trainer": "Training Sergeant",
    "officer": "Officer",
}
"""Of the register in Pomona's policy."""


@dataclass
class Precinct:
    """An agency set up through the public API: sessions of its people and of its gateway."""

    agency_id: str
    platform_admin: Session
    administrator: Session
    trainer: Session
    officer: Session
    untrained: Session
    gateway: Session
    device_id: str
    cameras: list[str]


async def open_precinct(http: httpx.AsyncClient, one_time_password: str, agency_id: str = "pomona-pd") -> Precinct:
    """Agency, administrator, training sergeant, two officers of whom one is trained, a gateway with two cameras."""
    platform_admin = await first_login(http, "admin", one_time_password, ADMIN_PASSWORD)
    await platform_admin.post(
        "/v1/agencies",
        {
            "id": agency_id,
            "name": "Pomona Police Department",
            "ori": "CA0195300",
            "time_zone": "America/Los_Angeles",
            "profile": "pomona",
        },
    )
    administrator, administrator_id = await _hire(http, platform_admin, "boss", ["administrator"], agency_id=agency_id)
    trainer, trainer_id = await _hire(http, administrator, "sergeant", ["trainer"])
    officer, officer_id = await _hire(http, administrator, "officer", ["officer"])
    untrained, _ = await _hire(http, administrator, "recruit", ["officer"])
    await administrator.request("PUT", "/v1/posts/training_owner", json={"account_id": trainer_id})
    for account_id in (administrator_id, officer_id):
        await trainer.post("/v1/training-certificates", certificate(account_id))
    for session in (administrator, officer):
        await session.log_in()
    registered = await administrator.post(
        "/v1/devices",
        {
            "name": "Gateway 1",
            "kind": "gateway",
            "cameras": [
                {"name": f"Camera {n}", "kind": "fixed", "position": {"latitude": 34.05, "longitude": -117.75}}
                for n in (1, 2)
            ],
        },
    )
    gateway = client.device(http, registered["id"], registered["secret"])
    await soon(gateway.log_in)
    cameras = [camera["id"] for camera in registered["cameras"]]
    device_id = registered["id"]
    return Precinct(agency_id, platform_admin, administrator, trainer, officer, untrained, gateway, device_id, cameras)


async def first_login(http: httpx.AsyncClient, username: str, one_time_password: str, password: str = "") -> Session:
    """Change the one-time password for a new one (random when none is given); the session under the new one."""
    password = password or secrets.token_urlsafe(18)
    await client.person(http, username, one_time_password, new_password=password).log_in()
    return client.person(http, username, password)


async def _hire(
    http: httpx.AsyncClient, by: Session, username: str, roles: list[str], **more: str
) -> tuple[Session, str]:
    account = {"username": username, "name": username.title(), "title": TITLES[roles[0]], "roles": roles, **more}
    opened = await soon(lambda: by.post("/v1/accounts", account))
    return await first_login(http, username, opened["one_time_password"]), opened["id"]


def certificate(account_id: str) -> dict[str, Any]:
    """A training certificate that is valid for a year."""
    return {
        "account_id": account_id,
        "course": "ALPR operator",
        "version": "1",
        "completed_on": datetime.now(UTC).date().isoformat(),
        "valid_until": (datetime.now(UTC) + timedelta(days=365)).isoformat(),
        "proof_sha256": "0" * 64,
    }


async def soon(act: Any, seconds: float = 10) -> Any:
    """What `act` answers as soon as it is not refused any more."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await act()
            except client.ApiError as error:
                if error.code not in {"agency_unknown", "device_unknown"}:
                    raise
                await asyncio.sleep(0.02)


async def post_frame(gateway: Session, camera: str, frame_id: str, image: bytes, **more: Any) -> dict[str, Any]:
    """Post one frame as the gateway does."""
    metadata = {"camera_id": camera, "frame_id": frame_id, "captured_at": datetime.now(UTC).isoformat(), **more}
    files = {"image": ("frame.jpg", image, "image/jpeg")}
    answer: dict[str, Any] = await gateway.request(
        "POST", "/v1/frames", data={"metadata": json.dumps(metadata)}, files=files
    )
    return answer
