"""deploy/k8s/secrets.sh prints every secret, or nothing and says why."""

import shutil
import subprocess
from pathlib import Path

import pytest
from building import DEPLOY, documents

from platekeeper.gateway.certificate import ensure

STORE = {
    "AWS_ENDPOINT_URL": "https://s3.example.org",
    "AWS_REGION": "us-west-2",
    "AWS_ACCESS_KEY_ID": "id: #1",
    "AWS_SECRET_ACCESS_KEY": "it's",
}
TOOLS = ("sh", "sed", "tr", "base64", "openssl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates, and a folder of programs for each way in which they fail."""
    folder = tmp_path_factory.mktemp("secrets")
    for name in ("tls", "other"):
        ensure(folder / f"{name}.pem", folder / f"{name}-ca.pem")
    certificate = (folder / "tls.pem").read_text().partition("-----BEGIN PRIVATE KEY-----")[0]
    (folder / "keyless.pem").write_text(certificate)
    (folder / "mixed.pem").write_text((folder / "other-ca.pem").read_text() + (folder / "tls.pem").read_text())
    for programs, openssl in (("whole", ""), ("without", None), ("failing", "exit 1"), ("silent", "exit 0")):
        place = folder / programs
        place.mkdir()
        for tool in TOOLS:
            (place / tool).symlink_to(str(shutil.which(tool)))
        if openssl != "":
            (place / "openssl").unlink()
        if openssl:
            real = shutil.which("openssl")
            (place / "openssl").write_text(f'#!/bin/sh\n[ "$1" = rand ] && {openssl}\nexec {real} "$@"\n')
            (place / "openssl").chmod(0o755)
    return folder


def printed(folder: Path, *words: str, programs: str = "whole", **environment: str) -> tuple[int, str, str]:
    told = subprocess.run(
        [DEPLOY / "k8s" / "secrets.sh", *words],
        cwd=folder,
        env={"PATH": str(folder / programs), **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    return told.returncode, told.stdout, told.stderr


@pytest.mark.parametrize(
    ("words", "programs", "status", "said"),
    [
        ((), "whole", 2, "usage: secrets.sh trial|production TLS.pem"),
        (("trial",), "whole", 2, "usage: "),
        (("staging", "tls.pem"), "whole", 2, "trial or production, not staging"),
        (("trial", "absent.pem"), "whole", 1, "absent.pem cannot be read"),
        (("trial", "whole"), "whole", 1, "no certificate in whole"),
        (("trial", "keyless.pem"), "whole", 1, "no private key without a passphrase in keyless.pem"),
        (("trial", "mixed.pem"), "whole", 1, "the first certificate in mixed.pem is not of its private key"),
        (("trial", "tls.pem"), "without", 1, "openssl is needed"),
        (("trial", "tls.pem"), "failing", 1, ""),
        (("trial", "tls.pem"), "silent", 1, "openssl gives no random bytes"),
    ],
)
def test_what_cannot_be_made_whole_is_not_printed(
    folder: Path, words: tuple[str, ...], programs: str, status: int, said: str
) -> None:
    left, out, told = printed(folder, *words, programs=programs)
    assert (left, out) == (status, "")
    assert f"secrets.sh: {said}" in told if said else told == ""


@pytest.mark.parametrize("name", STORE)
def test_production_names_what_it_lacks_of_the_store(folder: Path, name: str) -> None:
    status, out, told = printed(folder, "production", "tls.pem", **(STORE | {name: ""}))
    assert (status, out) == (2, "")
    assert told == f"secrets.sh: {name} says nothing of your object store\n"


@pytest.mark.parametrize("stage", ["trial", "production"])
def test_every_value_is_there_and_is_what_was_given(folder: Path, stage: str) -> None:
    given = STORE if stage == "production" else {}
    status, out, told = printed(folder, stage, "tls.pem", **given)
    assert (status, told) == (0, "")
    made = {one["metadata"]["name"]: one.get("stringData") or one["data"] for one in documents(out)}
    assert all(value for data in made.values() for value in data.values())
    assert given.items() <= made["objects"].items()
    assert made["gateway-tls"]["tls.pem"].strip() == (folder / "tls.pem").read_text().strip()
    passwords = [data["password"] for name, data in made.items() if name.startswith("database-")]
    assert (len(passwords), len(set(passwords)), {len(one) for one in passwords}) == (13, 13, {48})
