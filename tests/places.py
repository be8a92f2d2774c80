"""Where tests keep objects and keys: a folder, or a bucket of the run's S3 server, whose files they can reach."""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from engines import Facts, shared
from folders import contents

from platekeeper.stack.process import Process
from platekeeper.stack.s3 import S3
from platekeeper_common import keys, stores


@dataclass(frozen=True)
class Place:
    """Files in a folder: of its own, or of the server that offers them under `url`."""

    root: Path
    url: str | None = None

    def shelf(self) -> keys.Shelf:
        """What a key store needs."""
        return stores.bucket("key store", self.url, variable="URL") if self.url else keys.Folder(self.root)

    def store(self) -> stores.Store:
        """What an object store needs."""
        what = "object store"
        return stores.bucket(what, self.url, variable="URL") if self.url else stores.folder(what, self.root)

    def files(self) -> dict[str, bytes]:
        """What lies there, by path."""
        return {str(path): data for path, data in contents(self.root).items()}

    def write(self, path: str, data: bytes) -> None:
        """Put bytes there behind the store's back."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def destroy(self, path: str) -> None:
        """Take a file away behind the store's back."""
        (self.root / path).unlink()


@dataclass(frozen=True)
class Outage(Place):
    """A bucket whose server the test stops and starts."""

    server: S3 | None = None

    def away(self) -> None:
        """kill -9."""
        assert self.server is not None
        self.server.kill()

    def back(self) -> None:
        """The server over the same files, on the same port."""
        assert self.server is not None
        self.server.start()


def bucket(environment: pytest.MonkeyPatch, name: str = "tests") -> Place:
    """A place of the test's own in a bucket of the run's server; sets the variables that lead there."""
    facts = shared("s3", _start)
    for variable, value in facts["environment"].items():
        environment.setenv(variable, value)
    prefix = uuid4().hex
    folder = Path(facts["folder"]) / "buckets" / name
    folder.mkdir(exist_ok=True)
    return Place(folder / prefix, f"s3://{name}/{prefix}")


def outage(environment: pytest.MonkeyPatch, folder: Path) -> Outage:
    """A started server of the test's own, with one bucket; the test kills it in the end."""
    server = S3(folder)
    server.start()
    server.make_bucket("tests")
    for variable, value in server.environment.items():
        environment.setenv(variable, value)
    return Outage(folder / "buckets" / "tests" / "here", "s3://tests/here", server)


def _start(folder: Path) -> tuple[Process, Facts]:
    server = S3(folder)
    server.start()
    return server.process, {"folder": str(folder), "environment": dict(server.environment)}
