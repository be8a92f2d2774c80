"""The Kubernetes manifests build, are what the API takes, and say what the code says; whatever drifts is named."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agreement
import pytest
import schemas
import walls
from building import DEPLOY, OVERLAYS, ROOT, built, documents, secrets
from workloads import PROCESSES, Build

from platekeeper.gateway import configuration
from platekeeper.gateway.certificate import ensure
from platekeeper.registry import ENTRIES, SERVICES

Alter = Callable[[Any], object]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's certificate and key."""
    folder = tmp_path_factory.mktemp("certificate")
    ensure(folder / "tls.pem", folder / "ca.pem")
    return folder / "tls.pem"


@pytest.fixture(scope="module", params=OVERLAYS)
def build(request: pytest.FixtureRequest, certificate: Path) -> Build:
    """An overlay as kustomize builds it, and the secrets that go with it."""
    return Build(documents(built(request.param)), secrets(request.param, certificate))


def problems(build: Build) -> list[str]:
    """Everything that is wrong with a build."""
    wrong = [one for document in build.documents for one in schemas.problems(document)]
    return wrong or [*agreement.problems(build), *walls.problems(build)]


def test_every_document_is_what_its_schema_says(build: Build) -> None:
    assert [one for document in build.documents for one in schemas.problems(document)] == []


def test_secrets_are_what_their_schema_says(certificate: Path) -> None:
    for overlay in OVERLAYS:
        assert [one for document in secrets(overlay, certificate) for one in schemas.problems(document)] == []


def test_the_build_says_what_the_code_says(build: Build) -> None:
    assert agreement.problems(build) == []


def test_the_policies_allow_the_declared_flows_and_no_other(build: Build) -> None:
    assert walls.problems(build) == []


@pytest.mark.parametrize(
    ("name", "service", "role"),
    [("publication-look", "publication", "worker"), ("accounts-issuers", "accounts", "api")],
)
def test_addresses_that_administrators_typed_are_asked_by_one_process_and_reach_nothing_inside(
    build: Build, name: str, service: str, role: str
) -> None:
    """Of the agency's website (B11) and of its OpenID Connect issuer (G2)."""
    (found,) = (one["spec"] for one in build.of("NetworkPolicy") if one["metadata"]["name"] == name)
    assert found["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/component": role,
    }
    ((rule,), (peer,)) = found["egress"], found["egress"][0]["to"]
    assert rule["ports"] == [{"port": 443}]
    assert not any(walls.holds(peer["ipBlock"], inside) for inside in walls.INSIDE)


def test_every_service_and_role_has_its_folder_and_no_other_has() -> None:
    folders = {
        (one.parent.parent.name, one.parent.name) for one in (DEPLOY / "k8s" / "base").glob("*/*/kustomization.yaml")
    }
    assert folders == PROCESSES


def test_the_gateway_is_configured_as_the_services_declare(build: Build) -> None:
    (name,) = (
        one["metadata"]["name"] for one in build.of("ConfigMap") if one["metadata"]["name"].startswith("gateway-")
    )
    assert build.values("ConfigMap", name)["haproxy.cfg"] == configuration.for_cluster(SERVICES)


def test_services_that_have_neighbours_declare_whom_they_call() -> None:
    packages = {entry.name: ROOT.glob(f"services/*/{entry.package.replace('.', '/')}/**/*.py") for entry in ENTRIES}
    asking = {name for name, files in packages.items() if any(".peers." in file.read_text() for file in files)}
    assert asking == {service.name for service in SERVICES if service.calls}


def change(kind: str, name: str, alter: Alter) -> Callable[[list[Any]], object]:
    """Alter one document, found by kind and the beginning of its name."""

    def act(found: list[Any]) -> object:
        (one,) = (one for one in found if one["kind"] == kind and one["metadata"]["name"].startswith(name))
        return alter(one)

    return act


def container(document: Any) -> Any:
    """The first container of a workload."""
    return document["spec"]["template"]["spec"]["containers"][0]


def _stop(document: Any) -> Any:
    """What is run in a workload's first container before it is stopped."""
    return container(document)["lifecycle"]["preStop"]["exec"]


def rename(mapping: Any, old: str, new: str) -> None:
    """One key for another."""
    mapping[new] = mapping.pop(old)


DRIFTS: dict[str, tuple[Callable[[list[Any]], object], str]] = {
    "a variable is renamed": (
        change("ConfigMap", "settings-", lambda one: rename(one["data"], "PLATEKEEPER_BUS", "PLATEKEEPER_BUSS")),
        "PLATEKEEPER_BUS",
    ),
    "a service's own variable is renamed": (
        change(
            "Deployment",
            "recognition-worker",
            lambda one: container(one)["env"].append({"name": "PLATEKEEPER_RECOGNITION_THREAD", "value": "2"}),
        ),
        "PLATEKEEPER_RECOGNITION_THREAD is no setting of ours",
    ),
    "a value is not one": (
        change("ConfigMap", "settings-", lambda one: one["data"].update(PLATEKEEPER_LOG_LEVEL="loud")),
        "log_level",
    ),
    "a port is another": (
        change("Deployment", "ingest-api", lambda one: container(one)["ports"][0].update(containerPort=8081)),
        "Deployment/ingest-api: ports are",
    ),
    "a topic is dropped": (
        lambda found: found.remove(next(one for one in found if one["metadata"]["name"] == "hit.raised")),
        "topic hit.raised is not in the manifests",
    ),
    "a topic has other partitions": (
        change("KafkaTopic", "frame.captured", lambda one: one["spec"].update(partitions=12)),
        "topic frame.captured has 12 partitions, not 24",
    ),
    "a topic is kept longer": (
        change("KafkaTopic", "plates.read", lambda one: one["spec"]["config"].update({"retention.ms": 999999999})),
        "topic plates.read is told",
    ),
    "a field of Kubernetes is misspelt": (
        change("Deployment", "ledger-api", lambda one: rename(one["spec"], "replicas", "replica")),
        "'replica' was unexpected",
    ),
    "a field of KEDA is misspelt": (
        change("ScaledObject", "recognition", lambda one: rename(one["spec"], "maxReplicaCount", "maxReplicas")),
        "'maxReplicas' was unexpected",
    ),
    "a field of CloudNativePG is misspelt": (
        change("Cluster", "database", lambda one: rename(one["spec"]["storage"], "size", "sise")),
        "'sise' was unexpected",
    ),
    "a field of Strimzi is misspelt": (
        change("Kafka", "bus", lambda one: rename(one["spec"]["kafka"]["listeners"][0], "tls", "ssl")),
        "'ssl' was unexpected",
    ),
    "a role is none": (
        change(
            "Deployment",
            "retention-api",
            lambda one: container(one).update(args=["serve", "retention", "--role", "apis"]),
        ),
        "invalid choice: 'apis'",
    ),
    "a process is dropped": (
        lambda found: found.remove(
            next(one for one in found if one["metadata"]["name"] == "hotlist-worker" and one["kind"] == "Deployment")
        ),
        "no workload serves hotlist as worker",
    ),
    "a probe asks elsewhere": (
        change(
            "Deployment",
            "accounts-api",
            lambda one: container(one)["livenessProbe"]["httpGet"].update(path="/health/accounts"),
        ),
        "Deployment/accounts-api: livenessProbe asks",
    ),
    "an image has no version": (
        change("Deployment", "pages-api", lambda one: container(one).update(image="platekeeper/pages:latest")),
        "is of no version",
    ),
    "a secret is not there": (
        change(
            "Deployment",
            "release-api",
            lambda one: container(one)["envFrom"].append({"secretRef": {"name": "nowhere"}}),
        ),
        "nowhere",
    ),
    "a caller is let in": (
        change("NetworkPolicy", "ledger", lambda one: one["spec"]["ingress"].append({})),
        "which nobody declares",
    ),
    "a caller is kept out": (
        lambda found: found.remove(
            next(one for one in found if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "release-calls")
        ),
        "release-api may not call retention-api",
    ),
    "another policy of the same pods reaches inside": (
        change("NetworkPolicy", "engines", lambda one: one["spec"]["egress"][1]["to"][0]["ipBlock"].pop("except")),
        "NetworkPolicy/engines: publication-worker may call 169.254.169.254, which is inside",
    ),
    "the gateway is stopped at once": (
        change("Deployment", "gateway", lambda one: _stop(one).update(command=["sleep", "5"])),
        "Deployment/gateway is cut off as it ends: sleep 5",
    ),
    "the gateway is watched at the public door": (
        change("Deployment", "gateway", lambda one: container(one)["livenessProbe"]["httpGet"].update(port="https")),
        "Deployment/gateway: livenessProbe asks",
    ),
    "there is no default": (
        lambda found: found.remove(next(one for one in found if one["metadata"]["name"] == "default-deny")),
        "may call stranger, which nobody declares",
    ),
    "another group is watched": (
        change(
            "ScaledObject",
            "recognition",
            lambda one: one["spec"]["triggers"][0]["metadata"].update(consumerGroup="recognizers"),
        ),
        "ScaledObject watches",
    ),
    "more workers than partitions": (
        change("ScaledObject", "recognition", lambda one: one["spec"].update(maxReplicaCount=25)),
        "25 workers on 24 partitions",
    ),
    "there are two sequencers": (
        change("StatefulSet", "ledger-worker", lambda one: one["spec"].update(replicas=2)),
        "not a StatefulSet of one",
    ),
    "a container may write": (
        change(
            "Deployment",
            "ingest-api",
            lambda one: container(one)["securityContext"].update(readOnlyRootFilesystem=False),
        ),
        "may more than it needs",
    ),
    "another's database role is used": (
        change(
            "Deployment",
            "ledger-api",
            lambda one: container(one)["env"][0]["valueFrom"]["secretKeyRef"].update(name="database-ledger-worker"),
        ),
        "Deployment/ledger-api: PLATEKEEPER_DATABASE leads to",
    ),
    "a neighbour has another name": (
        change("Service", "release", lambda one: one["metadata"].update(name="records")),
        "release answers at release, which is no Service",
    ),
    "the gateway calls a name that is none": (
        lambda found: found.remove(
            next(one for one in found if one["kind"] == "Service" and one["metadata"]["name"] == "ledger-worker")
        ),
        "the gateway calls ledger-worker:8080, which is no Service",
    ),
    "a pod ends too early": (
        change(
            "Deployment",
            "hotlist-worker",
            lambda one: one["spec"]["template"]["spec"].update(terminationGracePeriodSeconds=10),
        ),
        "is given 10 s to end",
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_drifts_is_named(drift: str, certificate: Path) -> None:
    alter, said = DRIFTS[drift]
    found = copy.deepcopy(documents(built("production")))
    alter(found)
    changed = Build(found, secrets("production", certificate))
    try:
        told = problems(changed)
    except (KeyError, ValueError) as error:
        told = [repr(error)]
    assert any(said in one for one in told), told
