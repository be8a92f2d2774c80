"""Holds manifests to the code: each function tells what a build says otherwise than the code does."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from building import Document
from pydantic_settings import BaseSettings
from workloads import MADE_BY_OPERATORS, PROCESSES, WORKLOADS, Build, Process, containers

from platekeeper import runtime
from platekeeper.gateway import configuration
from platekeeper.gateway.settings import GatewaySettings
from platekeeper.registry import ENTRIES, NAMES, PAGES, SERVICES
from platekeeper_common import settings as environment
from platekeeper_common.bus.kafka_topics import settings_of
from platekeeper_common.events.catalogue import TOPICS
from platekeeper_common.provision import running
from platekeeper_common.settings import PREFIX, Settings, SettingsError

PROBES = {"startupProbe": "live", "livenessProbe": "live", "readinessProbe": "ready"}
CONFINED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def processes(build: Build) -> Iterator[str]:
    """Every service and role has its process, its labels, probes, ports, grace and a budget for disruptions."""
    found = {one.serves: one for one in build.processes() if one.serves}
    for name, role in sorted(PROCESSES - found.keys()):
        yield f"no workload serves {name} as {role}"
    for name, role in sorted(found.keys() - PROCESSES):
        yield f"{found[name, role].name} serves {name} as {role}, which the code does not have"
    for (name, role), process in found.items():
        labels = process.workload["spec"]["template"]["metadata"]["labels"]
        wanted = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": role}
        if wanted.items() - labels.items():
            yield f"{process.name} serves {name} as {role}, its labels say {labels}"
        yield from _probes(process, name)
        yield from _ports(process)
        grace = process.workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        needed = (
            sum(float(_setting(process, one)) for one in ("notice_seconds", "drain_seconds")) + runtime.FLUSH_SECONDS
        )
        if grace < needed:
            yield f"{process.name} is given {grace} s to end and may take {needed}"


def _setting(process: Process, name: str) -> str:
    """What the process is told of one of the settings that all share, or the default."""
    return process.environment.get(f"{PREFIX}{name.upper()}", str(Settings.model_fields[name].default))


def _probes(process: Process, name: str) -> Iterator[str]:
    for probe, word in PROBES.items():
        asked = process.container.get(probe, {}).get("httpGet", {})
        if asked != {"path": f"/health/{name}/{word}", "port": "http"}:
            yield f"{process.name}: {probe} asks {asked}"


def _ports(process: Process) -> Iterator[str]:
    declared = {one["name"]: one["containerPort"] for one in process.container.get("ports", [])}
    wanted = {"http": int(_setting(process, "port")), "metrics": int(_setting(process, "metrics_port"))}
    if declared != wanted:
        yield f"{process.name}: ports are {declared}, the process listens at {wanted}"


def environments(build: Build) -> Iterator[str]:
    """Every variable of ours is a setting that the code knows, with a value that it takes."""
    models: list[type[BaseSettings]] = [Settings, *{service.settings for service in SERVICES}, GatewaySettings]
    for process in build.processes():
        told = {name: value for name, value in process.environment.items() if name.startswith(PREFIX)}
        try:
            environment.refuse_unknown_names(models, told)
            for model in models:
                prefix = str(model.model_config["env_prefix"])
                fields = {
                    name: told[f"{prefix}{name}".upper()]
                    for name in model.model_fields
                    if f"{prefix}{name}".upper() in told
                }
                model.model_validate(fields)
        except (SettingsError, ValueError) as error:
            yield f"{process.name}: {error}"


def references(build: Build) -> Iterator[str]:
    """ConfigMaps, secrets, service accounts and volumes that workloads name are there."""
    accounts = {one["metadata"]["name"] for one in build.of("ServiceAccount")}
    for workload in build.of(*WORKLOADS):
        told, pod = f"{workload['kind']}/{workload['metadata']['name']}", workload["spec"]["template"]["spec"]
        if pod.get("serviceAccountName") not in accounts:
            yield f"{told}: no service account {pod.get('serviceAccountName')}"
        volumes = {one["name"] for one in pod.get("volumes", [])}
        volumes |= {one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", [])}
        for container in containers(workload):
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{told}: no volume {mount['name']}"
        for kind, name in _named(pod):
            if (kind, name) not in build.by_name and name not in MADE_BY_OPERATORS:
                yield f"{told}: no {kind} {name}"
    for role in _cluster(build)["spec"]["managed"]["roles"]:
        if ("Secret", role["passwordSecret"]["name"]) not in build.by_name:
            yield f"Cluster/database: no Secret {role['passwordSecret']['name']}"


def _named(part: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of every ConfigMap and Secret that a part of a pod names."""
    if isinstance(part, list):
        for one in part:
            yield from _named(one)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("configMapRef", "configMapKeyRef", "configMap"):
                yield "ConfigMap", value["name"]
            elif key in ("secretRef", "secretKeyRef"):
                yield "Secret", value["name"]
            elif key == "secret":
                yield "Secret", value["secretName"]
            else:
                yield from _named(value)


def images(build: Build) -> Iterator[str]:
    """Every image has a version; ours have that of the code, whose number the Job of migrations bears too."""
    for workload in build.of(*WORKLOADS):
        for container in containers(workload):
            name, _, tag = container["image"].rpartition(":")
            if not name or tag in ("", "latest"):
                yield f"{workload['metadata']['name']}: image {container['image']} is of no version"
            elif name.startswith("platekeeper/") and tag != runtime.VERSION:
                yield f"{workload['metadata']['name']}: image {container['image']} is not of {runtime.VERSION}"
    for job in build.of("Job"):
        if not job["metadata"]["name"].endswith("-" + runtime.VERSION.replace(".", "-")):
            yield f"Job/{job['metadata']['name']} does not bear {runtime.VERSION}"


def topics(build: Build) -> Iterator[str]:
    """Kafka's topics are those of the events."""
    found = {one["metadata"]["name"]: one["spec"] for one in build.of("KafkaTopic")}
    for name in sorted(TOPICS.keys() ^ found.keys()):
        yield f"topic {name} is {'not in the manifests' if name in TOPICS else 'of no event'}"
    for name in sorted(TOPICS.keys() & found.keys()):
        spec, wanted = found[name], settings_of(TOPICS[name])
        if spec["partitions"] != TOPICS[name].partitions:
            yield f"topic {name} has {spec['partitions']} partitions, not {TOPICS[name].partitions}"
        config = {key: str(value) for key, value in spec["config"].items() if key != "min.insync.replicas"}
        if config != wanted:
            yield f"topic {name} is told {config}, not {wanted}"


def scaling(build: Build) -> Iterator[str]:
    """Recognition's workers alone are scaled, on the lag of their group in their topic, within its partitions."""
    (scaled,) = build.of("ScaledObject")
    spec, (service,) = scaled["spec"], [one for one in SERVICES if one.name == "recognition"]
    (consumes,) = service.consumes
    (topic,) = consumes.topics
    target = build.by_name.get(("Deployment", spec["scaleTargetRef"]["name"]))
    if target is None:
        yield f"ScaledObject scales {spec['scaleTargetRef']['name']}, which is not there"
    elif "replicas" in target["spec"]:
        yield f"Deployment/{spec['scaleTargetRef']['name']} says how many there are, which is the scaler's to say"
    if not 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= topic.partitions:
        workers = f"{spec['minReplicaCount']} to {spec['maxReplicaCount']} workers"
        yield f"ScaledObject runs {workers} on {topic.partitions} partitions"
    (trigger,) = spec["triggers"]
    told = {key: trigger["metadata"][key] for key in ("consumerGroup", "topic", "bootstrapServers")}
    (server,) = _settings(build).brokers().servers
    host, _, port = server.partition(":")
    wanted = {"consumerGroup": consumes.group, "topic": topic.name, "bootstrapServers": f"{host}.platekeeper:{port}"}
    if told != wanted:
        yield f"ScaledObject watches {told}, not {wanted}"


def engines(build: Build) -> Iterator[str]:
    """The addresses of bus, database and neighbours are those of what the manifests make."""
    settings = _settings(build)
    (kafka,) = build.of("Kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    address = f"{kafka['metadata']['name']}-kafka-bootstrap:{listener['port']}"
    if settings.brokers().servers != (address,) and list(settings.brokers().servers) != [address]:
        yield f"PLATEKEEPER_BUS is {settings.bus}, Kafka answers at {address}"
    roles = {one["name"] for one in _cluster(build)["spec"]["managed"]["roles"] if one["login"]}
    wanted = {running(entry.name, role) for entry in ENTRIES for role in entry.roles}
    for role in sorted(roles ^ wanted):
        yield f"database role {role} is {'not managed' if role in wanted else 'of no process'}"
    database = f"{_cluster(build)['spec']['bootstrap']['initdb']['database']}"
    for process in build.processes():
        if process.serves and process.serves[0] in NAMES:
            url = urlsplit(process.environment.get("PLATEKEEPER_DATABASE", ""))
            told = (url.scheme, url.username, url.hostname, url.port, url.path)
            role = running(*process.serves)  # type: ignore[arg-type]
            if told != ("postgresql+asyncpg", role, f"{_cluster(build)['metadata']['name']}-rw", 5432, f"/{database}"):
                yield f"{process.name}: PLATEKEEPER_DATABASE leads to {told}"
    for name in (*NAMES, PAGES):
        yield from _door(build, name, urlsplit(str(settings.neighbour(name))))


def gateway(build: Build) -> Iterator[str]:
    """The gateway's configuration is mounted, and names Services that are there, at their ports."""
    (name,) = (
        one["metadata"]["name"] for one in build.of("ConfigMap") if one["metadata"]["name"].startswith("gateway-")
    )
    for host, port in servers(build.values("ConfigMap", name)["haproxy.cfg"]):
        service = build.by_name.get(("Service", host))
        if service is None or [one["port"] for one in service["spec"]["ports"]] != [port]:
            yield f"the gateway calls {host}:{port}, which is no Service"
    pod = build.by_name["Deployment", "gateway"]["spec"]["template"]["spec"]
    if name not in [one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one]:
        yield f"Deployment/gateway does not mount {name}"
    yield from _watched(pod["containers"][0], configuration.CLUSTER_GATEWAY)
    told = " ".join(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"])
    needed = sum(map(int, re.findall(r"sleep (\d+)", told)))
    if "kill -USR1 1" not in told or pod["terminationGracePeriodSeconds"] <= needed:
        yield f"Deployment/gateway is cut off as it ends: {told}"


def _watched(container: Any, told: GatewaySettings) -> Iterator[str]:
    """Probes ask the listener that is theirs alone, and readiness asks for keys."""
    ports = {one["name"]: f":{one['containerPort']}" for one in container["ports"]}
    if ports != {"https": told.bind, "probes": told.probes}:
        yield f"Deployment/gateway: ports are {ports}"
    for probe, word in PROBES.items():
        asked = container.get(probe, {}).get("httpGet", {})
        if asked != {"path": f"/health/gateway/{word}", "port": "probes"}:
            yield f"Deployment/gateway: {probe} asks {asked}"


def servers(configuration: str) -> list[tuple[str, int]]:
    """Host and port of every server that HAProxy is told of."""
    return [(host, int(port)) for host, port in re.findall(r"(?m)^ +server \S+ ([\w.-]+):(\d+)", configuration)]


def _door(build: Build, name: str, url: Any) -> Iterator[str]:
    """The Kubernetes service behind a neighbour's URL leads to the processes that answer for it."""
    service = build.by_name.get(("Service", url.hostname))
    if service is None:
        yield f"{name} answers at {url.hostname}, which is no Service"
        return
    (port,) = service["spec"]["ports"]
    if (port["port"], port["targetPort"]) != (url.port, "http"):
        yield f"Service/{url.hostname} answers at {port}"
    role = "api" if (name, "api") in PROCESSES else "worker"
    selected = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": role}
    if selected.items() - service["spec"]["selector"].items():
        yield f"Service/{url.hostname} leads to {service['spec']['selector']}"


def hardening(build: Build) -> Iterator[str]:
    """No container may more than it needs, every one says what it uses, and every one that serves has a budget."""
    budgets = [one["spec"]["selector"]["matchLabels"] for one in build.of("PodDisruptionBudget")]
    for workload in build.of(*WORKLOADS):
        told, pod = f"{workload['kind']}/{workload['metadata']['name']}", workload["spec"]["template"]["spec"]
        labels = workload["spec"]["template"]["metadata"]["labels"]
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{told} may run as root, or without seccomp"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{told} is given a token of the Kubernetes API"
        for container in containers(workload):
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if container.get("securityContext") != wanted:
                yield f"{told}: {container['name']} may more than it needs"
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get(
                "limits", {}
            ):
                yield f"{told}: {container['name']} does not say what it uses"
        if workload["kind"] == "Deployment":
            if not any(budget.items() <= labels.items() for budget in budgets):
                yield f"{told} has no PodDisruptionBudget"
            if not pod.get("topologySpreadConstraints"):
                yield f"{told} may run on one node alone"


def sequencer(build: Build) -> Iterator[str]:
    """The ledger's worker is one, for ever, and keeps its checkpoints."""
    (workload,) = (one.workload for one in build.processes() if one.serves == ("ledger", "worker"))
    spec = workload["spec"]
    if workload["kind"] != "StatefulSet" or spec["replicas"] != 1:
        yield "the ledger's worker is not a StatefulSet of one"
    var = _settings(build).var
    mounts = {one["name"]: one["mountPath"] for one in spec["template"]["spec"]["containers"][0]["volumeMounts"]}
    kept = [mounts.get(one["metadata"]["name"]) for one in spec.get("volumeClaimTemplates", [])]
    if kept != [str(var / "checkpoints")]:
        yield f"the ledger's worker keeps {kept}, not its checkpoints"


def _settings(build: Build) -> Settings:
    told = {key.removeprefix(PREFIX).lower(): value for key, value in _settings_map(build).items()}
    return Settings(**{key: value for key, value in told.items() if key in Settings.model_fields})  # type: ignore[arg-type]


def _settings_map(build: Build) -> Mapping[str, str]:
    (name,) = {
        one["metadata"]["name"] for one in build.of("ConfigMap") if one["metadata"]["name"].startswith("settings-")
    }
    return build.values("ConfigMap", name)


def _cluster(build: Build) -> Document:
    (cluster,) = build.of("Cluster")
    return cluster


CHECKS = (processes, environments, references, images, topics, scaling, engines, gateway, hardening, sequencer)


def problems(build: Build) -> list[str]:
    """Everything that a build says otherwise than the code."""
    return [problem for check in CHECKS for problem in check(build)]
