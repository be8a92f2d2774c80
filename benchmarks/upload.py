"""Frames of 250 KB a second through the gateway into ingest, beside a bare upload sink behind the same gateway.

`python benchmarks/upload.py` starts ingest (with accounts, which it needs) and the sink, each a process of its own, and
a HAProxy with the project's configuration before each; sixteen connections with TLS then post frames to one, to the
other, and so on in turns. The bare sink reads the body as it comes, writes it to a new file and answers when file and
folder are synced: the least that keeps an upload. It neither looks at it nor encrypts it nor tells a bus. What a sink
that throws the body away answers is shown too: it keeps nothing, and bounds what this machine can carry.
"""

import argparse
import asyncio
import json
import logging
import os
import secrets
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvloop
from PIL import Image

from platekeeper import runtime
from platekeeper.gateway import configuration, keys
from platekeeper.gateway.run import Gateway
from platekeeper.gateway.settings import GatewaySettings
from platekeeper.registry import SECTIONS, SERVICES
from platekeeper.server import Quiet, listen
from platekeeper.stack.ports import answers, free_port
from platekeeper.stack.process import Process
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_access_audit.accounts.signing import SigningKeys
from platekeeper_common import auth, ids, log
from platekeeper_common.caller import Caller, Office
from platekeeper_common.clock import utc_now
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.keys import in_folder
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR
from platekeeper_common.settings import Settings
from platekeeper_ingest.room import IngestSettings
from platekeeper_ingest.service import SERVICE as INGEST

POLICIES = Path(__file__).parent.parent / "policies"
AGENCY = AgencyId("bench-pd")
CONNECTIONS = 16
FRAME_BYTES = 250_000
ROUNDS = 3
LEAST = b"HTTP/1.1 202"
KINDS = ("ingest", "sink", "thrown away")


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(description="250 KB frames a second through the gateway")
    parser.add_argument("--seconds", type=float, default=4, help="of each of three rounds for each kind")
    parser.add_argument("--folder", type=Path, help="where everything lies for the run (otherwise the system's own)")
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    log.configure(level=logging.ERROR)
    if options.serve:
        options.folder.mkdir()
        uvloop.run(_ingest(options.folder, options.port) if options.serve == "ingest" else _sink(options))
        return 0
    with tempfile.TemporaryDirectory(prefix="pk-bench-", dir=options.folder) as folder, ExitStack() as stack:
        print(_report(_measure(Path(folder), options.seconds, stack)))
    return 0


async def _ingest(var: Path, port: int) -> None:
    """Ingest and accounts alone: recognition would take the frames off in a process of its own."""
    settings = Settings(var=var, policies=POLICIES, port=port)
    own = {"ingest": IngestSettings(max_backlog=10**9)}
    async with runtime.stand((INGEST, ACCOUNTS), settings, SECTIONS, own=own) as standing:
        with listen("127.0.0.1", port) as listener:
            await Quiet(standing.app).serve([listener])


async def _sink(options: argparse.Namespace) -> None:
    folder, kept = options.folder, options.serve == "sink"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        if kept:
            await asyncio.to_thread(_keep, folder, parts)
        body = b'{"service": "sink", "ready":true}'
        status = 202 if scope["method"] == "POST" else 200
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with listen("127.0.0.1", options.port) as listener:
        await Quiet(app).serve([listener])


def _keep(folder: Path, parts: list[bytes]) -> None:
    with (folder / secrets.token_hex(8)).open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _measure(folder: Path, seconds: float, stack: ExitStack) -> dict[str, list[float]]:
    ports = {kind: free_port() for kind in KINDS}
    for kind, port in ports.items():
        place = folder / kind.replace(" ", "-")
        command = [sys.executable, __file__, "--serve", kind, "--port", str(port), "--folder", str(place)]
        process = Process(kind, command, folder / f"{place.name}.log")
        process.start()
        stack.callback(process.stop, 10)
        process.until(lambda port=port: answers(port))  # type: ignore[misc]
    token, camera = _registered(f"http://127.0.0.1:{ports['ingest']}", folder / "ingest")
    doors = {}
    for number, (kind, port) in enumerate(ports.items()):
        door = free_port()
        settings = GatewaySettings(
            folder=folder / f"gateway-{number}",
            bind=f"127.0.0.1:{door}",
            operators=f"127.0.0.1:{free_port()}",
            caller_rate=10**6,
        )
        at = {"accounts": [f"127.0.0.1:{ports['ingest']}"], "ingest": [f"127.0.0.1:{port}"]}
        text = configuration.here(SERVICES, Settings(), settings, at)
        gateway = Gateway(settings, text, keys.fetcher(at["accounts"]))
        gateway.start()
        stack.callback(gateway.proxy.stop)
        doors[kind] = (door, settings.folder / "ca.pem")
    image = _picture()
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, (door, authority) in doors.items():
            rates[kind].append(_posted(door, authority, token, camera, image, seconds))
    return rates


def _registered(url: str, var: Path) -> tuple[str, str]:
    """A device's token and its camera, in an agency of its own."""
    signing = asyncio.run(SigningKeys(in_folder(var / "keys"), utc_now, life=timedelta(days=90)).current())

    def token(kind: Any, subject: str, agency: AgencyId, *roles: str) -> str:
        now = utc_now()
        who = Caller(
            kind=kind,
            subject=subject,
            agency_id=agency,
            username=subject,
            name=subject,
            organisation="Benchmark",
            roles=frozenset(roles),
            offices=(Office("administrator"),) if "administrator" in roles else (),
            issued_at=now,
            expires_at=now + auth.TOKEN_LIFE,
            signed_on_at=now,
            training_until=now + timedelta(days=1),
        )
        return auth.issue(who, signing, issuer="platekeeper", audience="platekeeper")

    agency = {
        "id": AGENCY,
        "name": "Bench",
        "ori": "CA0000000",
        "time_zone": "America/Los_Angeles",
        "profile": "pomona",
    }
    camera = {"name": "One", "kind": "fixed", "position": {"latitude": 34.05, "longitude": -117.75}}
    device = {"name": "Gateway", "kind": "gateway", "cameras": [camera]}
    with httpx.Client(base_url=url, trust_env=False) as http:
        by = {"Authorization": f"Bearer {token('person', 'admin', PLATFORM, PLATFORM_ADMINISTRATOR)}"}
        http.post("/v1/agencies", json=agency, headers=by).raise_for_status()
        by = {"Authorization": f"Bearer {token('person', 'boss', AGENCY, 'administrator')}"}
        while (told := http.post("/v1/devices", json=device, headers=by)).status_code == 403:
            time.sleep(0.05)
        known = told.raise_for_status().json()
    time.sleep(0.5)
    return token("device", known["id"], AGENCY), known["cameras"][0]["id"]


def _picture() -> bytes:
    """A JPEG of 1920 x 1080 and 250 KB: a smooth scene with as much grain as fills it."""
    rows, columns = np.mgrid[0:1080, 0:1920]
    scene = 120 + 60 * np.sin(columns / 97) + 40 * np.cos(rows / 53)
    grain = np.random.default_rng(7).normal(0, 1, scene.shape)
    least, most = 0.0, 60.0
    for _ in range(12):
        middle = (least + most) / 2
        out = BytesIO()
        pixels = np.clip(scene + grain * middle, 0, 255).astype(np.uint8)
        Image.fromarray(np.stack([pixels] * 3, axis=2)).save(out, "JPEG", quality=80)
        least, most = (middle, most) if out.tell() < FRAME_BYTES else (least, middle)
    return out.getvalue()


def _posted(door: int, authority: Path, token: str, camera: str, image: bytes, seconds: float) -> float:
    """Frames a second that were answered 202, over all connections."""
    context = ssl.create_default_context(cafile=str(authority))
    boundary = secrets.token_hex(8)
    answered = [0] * CONNECTIONS
    wrong: list[bytes] = []
    started = time.perf_counter()

    def connection(number: int) -> None:
        with context.wrap_socket(
            socket.create_connection(("127.0.0.1", door), 30), server_hostname="localhost"
        ) as line:
            while time.perf_counter() - started < seconds and not wrong:
                line.sendall(_request(token, camera, image, boundary))
                told = b""
                while b"\r\n\r\n" not in told or not told.endswith(b"}"):
                    told += line.recv(65_536)
                if not told.startswith(LEAST):
                    wrong.append(told)
                answered[number] += 1

    threads = [threading.Thread(target=connection, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(wrong[0].decode(errors="replace"))
    return sum(answered) / (time.perf_counter() - started)


def _request(token: str, camera: str, image: bytes, boundary: str) -> bytes:
    metadata = {"camera_id": camera, "frame_id": ids.new(), "captured_at": datetime.now(UTC).isoformat()}
    field = f'--{boundary}\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{json.dumps(metadata)}\r\n'
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="frame.jpg"\r\n'
    body = b"".join(
        (field.encode(), file.encode(), b"Content-Type: image/jpeg\r\n\r\n", image, f"\r\n--{boundary}--\r\n".encode())
    )
    head = (
        f"POST /v1/frames HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _report(rates: dict[str, list[float]]) -> str:
    middle = {kind: statistics.median(several) for kind, several in rates.items()}
    names = {"ingest": "into ingest", "sink": "into a file, synced", "thrown away": "thrown away"}
    lines = [f"  {names[kind]:<22}{middle[kind]:8,.0f} frames/s" for kind in KINDS]
    lines.append(f"  {'ratio to the file':<22}{middle['ingest'] / middle['sink']:8.2f}")
    lines.append(f"  {'ratio to nothing kept':<22}{middle['ingest'] / middle['thrown away']:8.2f}")
    return "\n".join([f"250 KB frames, {CONNECTIONS} connections with TLS, medians of {ROUNDS} rounds", *lines])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
