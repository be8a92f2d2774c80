"""An S3 server without Docker: the Versity S3 Gateway over a folder, built once for this user.

For tests and for one machine. Not for production: it does not sync to disk before it answers, so a power cut may take
what was stored last; kill -9 takes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platekeeper.stack import cache, go
from platekeeper.stack.ports import answers, free_port
from platekeeper.stack.process import Process

SOURCE = Path(__file__).with_name("versitygw")
"""Our own main.go over the gateway's packages, go.mod and go.sum that pin all modules."""
REGION = "us-east-1"
_FLAGS = ("-gcflags=all=-dwarf=false -N -l",)
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
    """The folder of `versitygw`, built at its first use: half a minute on two idle cores. Raises NotBuilt."""
    digest = "-".join(cache.sha256(SOURCE / name)[:6] for name in ("main.go", "go.mod", "go.sum"))
    return cache.kept(f"versitygw-{digest}", lambda into: go.build(SOURCE, ".", into / "versitygw", *_FLAGS))
