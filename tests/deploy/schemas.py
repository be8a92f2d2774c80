"""What the Kubernetes API would say of a manifest: every kind's schema, with unknown fields refused.

Kinds of Kubernetes itself come from the package kubernetes-validate. Those of the operators come, at test time, from
where their makers publish them, pinned: KEDA and CloudNativePG carry their CRDs in their Go modules; Strimzi's are made
from its Java types, as its own build makes them.
"""

import json
import subprocess
from collections.abc import Iterator
from functools import cache as once
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from building import HERE, Document
from referencing import Registry, Resource

from platekeeper.stack import cache, go, maven
from platekeeper.stack.java import java

KUBERNETES = "v1.34.0-local-strict"
KEDA = ("github.com/kedacore/keda/v2", "v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=")
CLOUDNATIVE_PG = (
    "github.com/cloudnative-pg/cloudnative-pg",
    "v1.28.0",
    "h1:vkv0a0ewDSfJOPJrsyUr4uczsxheReAWf/k171V0Dm0=",
)
COMPOSE = ("github.com/compose-spec/compose-go/v2", "v2.16.2", "h1:pTp1DqQwJzFd85GzlWsSszKA1ABrV/ySqsClujIcWA8=")
STRIMZI = HERE / "strimzi.lock"
STRIMZI_TYPES = {
    "kafka": "io.strimzi.api.kafka.model.kafka.Kafka",
    "nodepool": "io.strimzi.api.kafka.model.nodepool.KafkaNodePool",
    "topic": "io.strimzi.api.kafka.model.topic.KafkaTopic",
}


def problems(document: Document) -> list[str]:
    """What the schema of the document's kind refuses, each with its place."""
    return _problems(json.dumps(document, default=str))


@once
def _problems(text: str) -> list[str]:
    document = json.loads(text)
    told = f"{document['kind']}/{document['metadata']['name']}"
    errors = _validator(document["apiVersion"], document["kind"]).iter_errors(document)
    return [f"{told} at {'.'.join(map(str, one.absolute_path)) or '.'}: {one.message[:300]}" for one in errors]


def compose_problems(document: Any) -> list[str]:
    """What the schema of Compose files refuses."""
    folder = crds_of(*COMPOSE, part="schema")
    validator = jsonschema.Draft202012Validator(json.loads((folder / "compose-spec.json").read_text()))
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message[:300]}" for one in validator.iter_errors(document)]


def crds_of(path: str, version: str, checksum: str, *, part: str = "config/crd/bases") -> Path:
    """A folder of a Go module."""
    return go.module(path, version, checksum) / part


@once
def _validator(api_version: str, kind: str) -> Any:
    custom = _custom()
    if (api_version, kind) in custom:
        return jsonschema.Draft202012Validator(_strict(custom[api_version, kind]))
    group = api_version.split("/")[0].split(".")[0]
    name = (
        f"{kind.lower()}-{group}-{api_version.split('/')[1]}" if "/" in api_version else f"{kind.lower()}-{api_version}"
    )
    with as_file(files("kubernetes_validate") / "kubernetes-json-schema" / KUBERNETES) as folder:
        found = folder / f"{name}.json"
        if not found.exists():
            raise LookupError(f"nobody knows the kind {kind} of {api_version}")
        schema = json.loads(found.read_text())
        return jsonschema.Draft202012Validator(schema, registry=_definitions(folder))


@once
def _definitions(folder: Path) -> Any:
    return Resource.from_contents(json.loads((folder / "_definitions.json").read_text())) @ Registry()


@once
def _custom() -> dict[tuple[str, str], Any]:
    """Schemas of custom resources, by their apiVersion and kind."""
    wanted = (
        crds_of(*KEDA) / "keda.sh_scaledobjects.yaml",
        crds_of(*CLOUDNATIVE_PG) / "postgresql.cnpg.io_clusters.yaml",
        *(_strimzi() / f"{name}.yaml" for name in STRIMZI_TYPES),
    )
    found = {}
    for path in wanted:
        spec = yaml.load(path.read_text(), yaml.CSafeLoader)["spec"]
        for version in spec["versions"]:
            if version["served"]:
                known = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                found[known] = version["schema"]["openAPIV3Schema"]
    return found


def _strimzi() -> Path:
    """The folder of Strimzi's CRDs, generated once."""

    def make(into: Path) -> None:
        maven.fetch(STRIMZI, into)
        jars = [into / f"{line.split()[0].split(':', 1)[1].replace(':', '-')}.jar" for line in _lines(STRIMZI)]
        wanted = [f"{kind}={into / name}.yaml" for name, kind in STRIMZI_TYPES.items()]
        command: list[str | Path] = [
            java(),
            "-cp",
            ":".join(map(str, jars)),
            "io.strimzi.crdgenerator.CrdGenerator",
            "--yaml",
        ]
        subprocess.run([*command, *wanted], check=True, capture_output=True)
        for jar in jars:
            jar.unlink()

    return cache.kept(f"strimzi-crds-{cache.sha256(STRIMZI)[:12]}", make)


def _lines(lock: Path) -> Iterator[str]:
    return (line for line in lock.read_text().splitlines() if not line.startswith("#"))


def _strict(schema: Any) -> Any:
    """The schema as the API server holds it with strict field validation: what no property names is refused."""
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict_part(key, value) for key, value in schema.items()}
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    if made.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if made.get("properties") and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def _strict_part(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _strict(one) for name, one in value.items()}
    if key in ("items", "additionalProperties"):
        return _strict(value)
    return value  # allOf, anyOf, oneOf and not bind values of fields that properties name already
