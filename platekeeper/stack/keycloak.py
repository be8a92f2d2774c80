"""One Keycloak on this machine, an OpenID Connect server for tests: from Maven Central, loopback, all in memory."""

import secrets
import shutil
import subprocess
import zipfile
from http import HTTPStatus
from pathlib import Path

import httpx

from platekeeper.stack import cache, maven
from platekeeper.stack.java import java
from platekeeper.stack.ports import free_port
from platekeeper.stack.process import NotStarted, Process

VERSION = "26.3.0"
LOCK = Path(__file__).with_name("keycloak.lock")
ADMINISTRATOR = "admin"
START_SECONDS = 180.0
"""About 8 s on two idle cores."""
_JAVA = {
    "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx384m",
    # It lives for a few logins: code that is compiled well would come too late. 12 s of processor time, not 23.
    # The wheel's Java is newer than the Byte Buddy in this Keycloak knows; it generates code for it all the same.
    "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1 -Dnet.bytebuddy.experimental=true",
}
_BUILT = (
    "build",
    "--db=dev-mem",
    "--features-disabled=admin,account,ciba,par,device-flow,kerberos,impersonation",
)
_STARTED = (
    "start",
    "--optimized",
    "--cache=local",
    "--http-enabled=true",
    "--http-host=127.0.0.1",
    "--hostname-strict=false",
)


def built() -> Path:
    """The folder of the server, fetched and built once. Raises maven.WrongJar, NotStarted, OSError, RuntimeError."""
    return cache.kept(f"keycloak-{VERSION}-{cache.sha256(LOCK)[:12]}", _build)


def _build(into: Path) -> None:
    maven.fetch(LOCK, into)
    (archive,) = into.glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(into)
    archive.unlink()
    (unpacked,) = into.glob("keycloak-*")
    for one in unpacked.iterdir():
        shutil.move(one, into)
    unpacked.rmdir()
    command: list[str | Path] = ["/bin/bash", into / "bin" / "kc.sh", *_BUILT]
    environment = {"PATH": "/usr/bin:/bin", "JAVA_HOME": str(_java_home()), **_JAVA}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise NotStarted(f"Keycloak could not be built:\n{(done.stdout + done.stderr)[-2000:]}")


def _java_home() -> Path:
    return java().resolve().parent.parent


class Keycloak:
    """A server that forgets everything when it stops. Its administrator's password is made at the start."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        """On the loopback port `port`, or a free one; only its log lies in `folder`."""
        self.port = port or free_port()
        self.password = secrets.token_urlsafe(18)
        environment = {
            "JAVA_HOME": str(_java_home()),
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self.password,
            **_JAVA,
        }
        command: list[str | Path] = ["/bin/bash", built() / "bin" / "kc.sh", *_STARTED, f"--http-port={self.port}"]
        self.process = Process("Keycloak", command, folder / "log.txt", environment=environment, folder=folder)

    @property
    def url(self) -> str:
        """Where it answers; a realm's issuer is `{url}/realms/{realm}`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and return when it serves. Raises NotStarted, OSError."""
        self.process.start()
        self.process.until(self._answers, START_SECONDS)

    def stop(self) -> None:
        """An orderly end."""
        self.process.stop()

    def _answers(self) -> bool:
        try:
            told = httpx.get(f"{self.url}/realms/master/.well-known/openid-configuration", timeout=5)
        except httpx.TransportError:
            return False
        return told.status_code == HTTPStatus.OK
