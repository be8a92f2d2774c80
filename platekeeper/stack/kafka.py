"""One Apache Kafka broker on this machine, from the official jars: KRaft, loopback, no Docker."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from platekeeper.stack import cache, maven
from platekeeper.stack.java import java
from platekeeper.stack.ports import free_port
from platekeeper.stack.process import Process

VERSION = "4.3.1"
LOCK = Path(__file__).with_name("kafka.lock")
MEMORY = "512m"
START_SECONDS = 90.0


def jars() -> Path:
    """The folder of the broker's jars, fetched once. Raises maven.WrongJar, OSError, RuntimeError."""
    return cache.kept(f"kafka-{VERSION}-{cache.sha256(LOCK)[:12]}", lambda into: maven.fetch(LOCK, into))


class Broker:
    """A broker that keeps everything in `folder`; stopped or killed, it starts again on the same data and ports.

    It is alone, so every topic has one replica. Topics are made by `platekeeper migrate`, never by writing to them.
    """

    def __init__(self, folder: Path, *, port: int | None = None, settings: Mapping[str, object] | None = None) -> None:
        """On the loopback port `port`, or a free one; `settings` are more properties of a Kafka server."""
        self.folder = folder
        self._file = folder / "server.properties"
        if self._file.exists():
            port = port or int(self._properties()["platekeeper.port"])
        self.port = port or free_port()
        self._more = dict(settings or {})
        command: list[str | Path] = [java(), "-Xms128m", f"-Xmx{MEMORY}", "-XX:+UseSerialGC", "-cp"]
        self.process = Process(
            "Kafka", [*command, f"{jars()}/*", "kafka.Kafka", self._file], folder / "log.txt", folder=folder
        )

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """For PLATEKEEPER_BUS."""
        return f"kafka://{self.address}"

    def start(self) -> None:
        """Start it, on fresh storage when there is none, and return when it serves. Raises NotStarted, OSError."""
        if not self._file.exists():
            self._format()
        said = self._said()
        self.process.start()
        self.process.until(lambda: self._said() > said, START_SECONDS)

    def stop(self) -> None:
        """An orderly end."""
        self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def _said(self) -> int:
        """How often its log says that it serves."""
        log = self.process.log
        return log.read_text(errors="replace").count("Kafka Server started") if log.exists() else 0

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        written = {**self._defaults(), **self._more}
        part = self._file.with_suffix(".part")
        part.write_text("".join(f"{name}={value}\n" for name, value in written.items()))
        tool: list[str | Path] = [
            java(),
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            f"{jars()}/*",
        ]
        options = ["format", "--standalone", "-t", _cluster_id(), "-c", str(part)]
        try:
            subprocess.run(  # noqa: S603 - a command of our own
                [*tool, "kafka.tools.StorageTool", *options], check=True, capture_output=True, text=True
            )
        except subprocess.CalledProcessError as error:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
            raise OSError(f"Kafka's storage could not be formatted: {error.stderr or error.stdout}") from error
        part.rename(self._file)

    def _defaults(self) -> dict[str, object]:
        control = free_port()
        listeners = f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{control}"
        return {
            "platekeeper.port": self.port,
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{control}",
            "listeners": listeners,
            "advertised.listeners": listeners,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self.folder / "data",
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            **{f"{what}.topic.replication.factor": 1 for what in ("offsets", "share.coordinator.state")},
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "offsets.topic.num.partitions": 8,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": 3000,  # killed, it may come back so soon; nobody else can take its place
            "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }

    def _properties(self) -> dict[str, str]:
        lines = self._file.read_text().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _cluster_id() -> str:
    """A UUID as Kafka writes it: 22 characters of URL-safe base64, not beginning with a dash."""
    while True:
        word = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not word.startswith("-"):
            return word
