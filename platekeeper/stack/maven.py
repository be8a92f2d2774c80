"""Jars and archives by their Maven coordinates, each checked against the hash that a lock file of ours names."""

import os
import shutil
import ssl
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import MavenContext

from platekeeper.stack import cache

SECONDS = 60
"""Patience with the repository, for each jar."""
AT_ONCE = 8
SETTINGS = Path.home() / ".m2" / "settings.xml"


class WrongJar(RuntimeError):
    """A repository gave other bytes than the lock file says."""


def fetch(lock: Path, into: Path) -> None:
    """Put every jar that `lock` names into the folder `into`.

    A line of `lock` is `GROUP:ARTIFACT:VERSION[:PACKAGING] SHA256`; without packaging it is a jar. What Maven has
    already on this machine is copied; the rest comes from the central repository, or from its mirror in the user's
    Maven settings. Raises WrongJar, OSError, RuntimeError.
    """
    rows = [line.split() for line in lock.read_text().splitlines() if not line.startswith("#")]
    _trust_the_machine()
    fetched, known = into / "repository", Path.home() / ".m2" / "repository"
    context = MavenContext(repo_cache=fetched, local_repos=[known], remote_repos=_mirror(), timeout=SECONDS)

    def one(row: list[str]) -> None:
        coordinates, sha256 = row
        group, artifact, version, *packaging = coordinates.split(":")
        kind = packaging[0] if packaging else "jar"
        found = context.project(group, artifact).at_version(version).artifact(packaging=kind).resolve()
        kept = into / f"{artifact}-{version}.{kind}"
        shutil.copyfile(found, kept)
        if cache.sha256(kept) != sha256:
            raise WrongJar(f"{coordinates} in {found} is not the one that {lock.name} names; remove it and try again")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, rows))
    shutil.rmtree(fetched, ignore_errors=True)


def _mirror() -> dict[str, str] | None:
    """The mirror of the central repository in the user's settings; None: there is none."""
    if not SETTINGS.exists():
        return None
    for mirror in ET.parse(SETTINGS).getroot().iterfind(".//{*}mirror"):  # noqa: S314 - the user's own file
        of, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "")
        words = {word.strip() for word in of.split(",")}
        if words & {"*", "central", "external:*"} and "!central" not in words:
            return {"central": url.strip().rstrip("/")}
    return None


def _trust_the_machine() -> None:
    """The certificates that the rest of the machine trusts, rather than those of a Python package."""
    trusted = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if trusted and Path(trusted).exists():
        os.environ.setdefault("REQUESTS_CA_BUNDLE", trusted)
