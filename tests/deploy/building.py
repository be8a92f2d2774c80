"""Builds the overlays with kustomize itself, built once for this user."""

import subprocess
from functools import cache as once
from pathlib import Path
from typing import Any

import yaml

from platekeeper.stack import cache, go

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DEPLOY = ROOT / "deploy"
OVERLAYS = ("production", "trial")
Document = dict[str, Any]


def kustomize() -> Path:
    """The program, built by Go as tests/deploy/kustomize pins it."""
    module = HERE / "kustomize"
    package = "sigs.k8s.io/kustomize/kustomize/v5"

    def make(into: Path) -> None:
        go.build(module, package, into / "kustomize")

    return cache.kept(f"kustomize-{cache.sha256(module / 'go.sum')[:12]}", make) / "kustomize"


@once
def built(overlay: str) -> str:
    """What `kustomize build` prints for the overlay."""
    told = subprocess.run(
        [kustomize(), "build", DEPLOY / "k8s" / "overlays" / overlay], check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


def documents(text: str) -> list[Document]:
    """The documents of a stream of YAML."""
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


@once
def secrets(stage: str, certificate: Path) -> list[Document]:
    """The secrets that the operator makes before anything else, as deploy/k8s/secrets.sh prints them."""
    environment = {"AWS_ENDPOINT_URL": "https://s3.example.org", "AWS_REGION": "us-west-2"}
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "PATH": "/usr/bin:/bin"}
    told = subprocess.run(
        [DEPLOY / "k8s" / "secrets.sh", stage, certificate],
        env={**environment, **keys},
        check=True,
        capture_output=True,
        text=True,
    )
    return documents(told.stdout)
