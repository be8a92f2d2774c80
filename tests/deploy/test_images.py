"""The Dockerfile's stages: what they copy is there, what they install is the lock's and enough, what they run parses.

No image is built here; the commands of a stage that can be run without Docker are.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from building import DEPLOY, HERE, ROOT, built, documents

from platekeeper import cli
from platekeeper.registry import NAMES

UV = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
OF_SERVICES = {"access-audit": ("accounts", "ledger")}
"""Packages that hold other services than the one of their name."""


@dataclass
class Stage:
    """One stage: what it begins from, and its instructions in order."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        """The arguments of its instructions of a kind."""
        return [arguments for said, arguments in self.instructions if said == word]


def stages() -> dict[str, Stage]:
    """The stages of deploy/Dockerfile by name."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    found: dict[str, Stage] = {}
    for line in text.splitlines():
        word, _, arguments = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = arguments.partition(" AS ")
            last = found[name] = Stage(base)
        elif word and not word.startswith("#"):
            last.instructions.append((word, arguments))
    return found


STAGES = stages()
INSTALLS = {
    name: [word for one in stage.of("RUN") if "install.sh" in one for word in one.split()[2:]]
    for name, stage in STAGES.items()
    if any("install.sh" in one for one in stage.of("RUN"))
}


def test_every_image_of_the_manifests_is_a_stage_and_every_service_has_one() -> None:
    used = set(re.findall(r"image: platekeeper/([\w-]+):", built("production") + built("trial")))
    assert used <= STAGES.keys()
    assert {*NAMES, "pages"} <= used
    assert documents(built("production"))


def test_bases_are_pinned_and_nothing_runs_as_root() -> None:
    for name, stage in STAGES.items():
        assert stage.base in STAGES or re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", stage.base)
        users = stage.of("USER")
        assert not users or users[-1] == "10001:10001", name
    (makefile,) = re.findall(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())
    assert STAGES["build"].of("RUN") == [f"pip install --no-cache-dir uv=={makefile}"]


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for stage in STAGES.values():
        for words in (one.split() for one in stage.of("COPY")):
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in STAGES
            else:
                for source in words[:-1]:
                    assert (ROOT / source).exists(), source
                    assert f"!{source}" in sent


def test_what_an_image_runs_by_default_parses() -> None:
    for command in (json.loads(one) for stage in STAGES.values() for one in stage.of("CMD")):
        cli._parser().parse_args(command)


def test_backups_are_made_by_programs_of_the_version_of_the_server() -> None:
    (installed,) = {
        one for line in STAGES["operations"].of("RUN") for one in re.findall(r"postgresql-client-(\d+)", line)
    }
    run = (DEPLOY / "compose.yaml").read_text() + built("production")
    assert set(re.findall(r"(?:image: postgres|/postgresql):(\d+)\.", run)) == {installed}


@pytest.mark.parametrize("stage", INSTALLS)
def test_a_stage_installs_what_its_services_need_from_the_lock_and_nothing_else(stage: str, tmp_path: Path) -> None:
    resolved, packages = tmp_path / "needed.txt", INSTALLS[stage]
    script: list[str | Path] = [DEPLOY / "install.sh", "--resolve", resolved, *packages]
    subprocess.run(script, cwd=ROOT, env={**os.environ, "UV": UV}, check=True)
    needed, locked = blocks(resolved), blocks(ROOT / "requirements.lock")
    assert {name: hashes for name, hashes in needed.items() if locked.get(name) != hashes} == {}
    heavy = {name for name in needed if name.startswith(("onnxruntime", "opencv", "rapidocr", "pytest", "mypy"))}
    assert bool(heavy) == (packages == ["recognition"]), heavy
    services = [service for package in packages for service in OF_SERVICES.get(package, (package,))]
    if stage == "all-build":
        services = list(NAMES)
    told = subprocess.run(
        [sys.executable, HERE / "confined.py", resolved, *services], check=False, capture_output=True, text=True
    )
    assert told.stdout.split() == services, told.stderr[-2000:]


def blocks(file: Path) -> dict[str, frozenset[str]]:
    """Hashes by `name==version` of a file of requirements."""
    words = [line.split(";")[0].strip(" \\") for line in file.read_text().splitlines()]
    found: dict[str, set[str]] = {}
    for word in words:
        if "==" in word:
            last = found[word] = set()
        elif word.startswith("--hash="):
            last.add(word)
    return {name: frozenset(hashes) for name, hashes in found.items()}
