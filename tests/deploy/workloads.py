"""A build's workloads as the code sees them: containers that run `platekeeper`, their commands and environments."""

import contextlib
import io
import re
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from building import Document

from platekeeper import cli
from platekeeper.registry import ENTRIES, PAGES

WORKLOADS = ("Deployment", "StatefulSet", "Job")
PROCESSES = {(entry.name, role) for entry in ENTRIES for role in entry.roles} | {(PAGES, "api")}
"""Service and role of every process that a deployment has."""
MADE_BY_OPERATORS = {"database-ca", "database-superuser"}
"""Secrets that CloudNativePG makes beside the cluster `database`."""


@dataclass(frozen=True)
class Process:
    """A container that runs `platekeeper`."""

    workload: Document
    container: Any
    environment: Mapping[str, str]
    options: Namespace

    @property
    def name(self) -> str:
        """What it is called in a complaint."""
        return f"{self.workload['kind']}/{self.workload['metadata']['name']}"

    @property
    def serves(self) -> tuple[str, str] | None:
        """Service and role; None of a command that ends."""
        if not hasattr(self.options, "roles"):
            return None
        (role,) = self.options.roles or ("api",)
        return self.options.name, role


class Build:
    """The documents of a build together with the secrets that an operator makes."""

    def __init__(self, documents: Sequence[Document], secrets: Sequence[Document]) -> None:
        self.documents = documents
        self.by_name = {(one["kind"], one["metadata"]["name"]): one for one in (*documents, *secrets)}

    def of(self, *kinds: str) -> list[Document]:
        """All documents of the kinds."""
        return [one for one in self.documents if one["kind"] in kinds]

    def values(self, kind: str, name: str) -> Mapping[str, str]:
        """What a ConfigMap or a Secret holds; KeyError when there is none."""
        found = self.by_name[kind, name]
        return {**found.get("data", {}), **found.get("stringData", {})}

    def processes(self) -> Iterator[Process]:
        """Every container of ours that runs `platekeeper`. Raises ValueError for a command that does not parse."""
        for workload in self.of(*WORKLOADS):
            for container in containers(workload):
                if "args" in container and container["image"].startswith("platekeeper/"):
                    yield Process(workload, container, self._environment(container), _parsed(container["args"]))

    def _environment(self, container: Any) -> dict[str, str]:
        told: dict[str, str] = {}
        for source in container.get("envFrom", []):
            for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if key in source:
                    told |= self.values(kind, source[key]["name"])
        for one in container.get("env", []):
            if "value" in one:
                # Kubernetes fills in only what stands before it in the list.
                told[one["name"]] = re.sub(r"\$\((\w+)\)", lambda name: told.get(name[1], name[0]), one["value"])
            else:
                reference = one["valueFrom"]["secretKeyRef"]
                made = {"username": "postgres", "password": "made"}
                held = made if reference["name"] in MADE_BY_OPERATORS else self.values("Secret", reference["name"])
                told[one["name"]] = held[reference["key"]]
        return told


def containers(workload: Document) -> list[Any]:
    """All containers of a workload, those that run first included."""
    pod = workload["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def _parsed(words: Sequence[str]) -> Namespace:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return cli._parser().parse_args(words)
    except SystemExit as error:
        raise ValueError(f"`platekeeper {' '.join(words)}`: {said.getvalue().splitlines()[-1]}") from error
