"""The witness over HTTP: POST /add-checkpoint and GET /<origin hash>/checkpoint (C2SP tlog-witness)."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from platekeeper_verify.cosignatures import Cosigner
from platekeeper_verify.notes import Key
from platekeeper_verify.witness import LARGEST_BODY, Answer, Witness, seed_in

KEY_FILE = "witness.key"
STATE_FILE = "seen.json"


def app(witness: Witness) -> Starlette:
    """Its two doors. Nobody is asked who they are: a checkpoint says whose it is, and only its log can sign it."""

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                return Response("too long\n", 413)
        return _response(await asyncio.to_thread(witness.add_checkpoint, body))

    async def checkpoint(request: Request) -> Response:
        return _response(witness.checkpoint(request.path_params["origin_hash"]))

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{origin_hash}/checkpoint", checkpoint),
        ]
    )


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media_type)


def cosigner(folder: Path, name: str) -> Cosigner:
    """Who cosigns, by the key in the folder. Raises ValueError for what is no name, OSError for what cannot be read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Cosigner(name, seed_in(folder / KEY_FILE))


def opened(folder: Path, name: str, logs: Sequence[str], clock: Callable[[], float] = time.time) -> Witness:
    """The witness over its folder, whose key is made at the first start.

    Raises ValueError for what is no name or no verifier key, OSError for what cannot be read, BlockingIOError when
    another process has the folder.
    """
    return Witness(cosigner(folder, name), [Key.parse(log) for log in logs], folder / STATE_FILE, clock)


def run(folder: Path, name: str, logs: Sequence[str], listen: str, *, show: bool) -> int:
    """Serve until stopped; the exit status. `show`: only print the verifier key."""
    host, _, port = listen.rpartition(":")
    try:
        print(cosigner(folder, name).key, flush=True)  # noqa: T201 - who runs the log asks for it
        if show:
            return 0
        witness = opened(folder, name, logs)
        if not (host and port.isdecimal()):
            raise ValueError(f"{listen} is not HOST:PORT")  # noqa: TRY301 - told as the others are
    except BlockingIOError:
        print(f"platekeeper: another process is the witness in {folder}", file=sys.stderr)  # noqa: T201
        return 1
    except (OSError, ValueError) as error:
        print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
        return 1
    uvicorn.run(app(witness), host=host.strip("[]"), port=int(port), log_level="warning")
    return 0
