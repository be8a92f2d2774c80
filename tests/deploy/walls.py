"""Who may call whom by the NetworkPolicies of a build, worked out as Kubernetes does: both ends must allow it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from building import Document
from workloads import WORKLOADS, Build, Process

from platekeeper.registry import SERVICES

Labels = Mapping[str, str]
ANYWHERE = {"cidr": "0.0.0.0/0"}
NAMESPACE = "kubernetes.io/metadata.name"
OURS = "platekeeper"
METRICS = 9464
INSIDE = ("10.96.0.1", "10.244.3.7", "100.64.0.9", "127.0.0.1", "169.254.169.254", "172.17.0.1", "192.168.1.1")
"""Addresses in and beside a cluster: its API, a pod, the provider's metadata, a department's own machine."""


@dataclass(frozen=True)
class End:
    """Pods that look alike: what they are called here, their namespace and labels, their ports by name."""

    name: str
    namespace: str
    labels: Labels
    ports: Mapping[str, int]


def flows(documents: Sequence[Document], ends: Sequence[End], ports: Mapping[str, int]) -> set[tuple[str, str]]:
    """Caller and called of every call that the policies allow. `ports`: the port at which each end is called."""
    policies = [one for one in documents if one["kind"] == "NetworkPolicy"]
    return {
        (a.name, b.name)
        for a in ends
        for b in ends
        if b.name in ports and (a is not b or a.name in ("bus", "database"))
        if _allows(policies, "Egress", a, b, ports[b.name]) and _allows(policies, "Ingress", b, a, ports[b.name])
    }


def _allows(policies: Iterable[Document], direction: str, own: End, other: End, port: int) -> bool:
    """Whether the policies that select `own` let traffic with `other` through, to `port` of whoever is called."""
    selecting = [
        one["spec"]
        for one in policies
        if one["metadata"]["namespace"] == own.namespace
        and direction in one["spec"]["policyTypes"]
        and _selects(one["spec"]["podSelector"], own.labels)
    ]
    if not selecting:
        return True
    called = other if direction == "Egress" else own
    rules = [rule for spec in selecting for rule in spec.get(direction.lower(), [])]
    peers = "to" if direction == "Egress" else "from"
    return any(
        (not rule.get(peers) or any(_is_peer(peer, other, own.namespace) for peer in rule[peers]))
        and (not rule.get("ports") or any(_is_port(one, called, port) for one in rule["ports"]))
        for rule in rules
    )


def _is_peer(peer: Any, other: End, namespace: str) -> bool:
    if "ipBlock" in peer:
        return other.namespace == ""  # outside the cluster; addresses of pods are not counted on
    if "namespaceSelector" in peer:
        if not _selects(peer["namespaceSelector"], {NAMESPACE: other.namespace}):
            return False
    elif other.namespace != namespace:
        return False
    return _selects(peer.get("podSelector", {}), other.labels)


def _is_port(one: Any, called: End, port: int) -> bool:
    wanted = one.get("port")
    if one.get("protocol", "TCP") != "TCP":
        return False
    return wanted in (None, port) or called.ports.get(wanted) == port


def _selects(selector: Any, labels: Labels) -> bool:
    wanted = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    return all(labels.get(name) == value for name, value in wanted.items()) and all(map(_fits(labels), expressions))


def _fits(labels: Labels) -> Callable[[Any], bool]:
    def fits(expression: Any) -> bool:
        there = labels.get(expression["key"])
        answers = {"Exists": there is not None, "NotIn": there not in expression.get("values", [])}
        return answers[expression["operator"]]

    return fits


def problems(build: Build) -> list[str]:
    """Calls that the policies allow and nobody declares, and the other way round."""
    ends = _ends(build)
    called = {end.name: end.ports[next(iter(end.ports))] for end in ends if end.ports}
    allowed, declared = flows(build.documents, ends, called), _declared(build, {end.name for end in ends})
    told = [f"NetworkPolicy: {a} may call {b}, which nobody declares" for a, b in sorted(allowed - declared)]
    told += [f"NetworkPolicy: {a} may not call {b}" for a, b in sorted(declared - allowed)]
    served = [_name(one) for one in build.processes() if one.serves]
    reading = flows(build.documents, ends, dict.fromkeys(served, METRICS))
    wanted = {("monitoring", name) for name in served}
    told += [f"NetworkPolicy: {a} reads figures of {b}: not as it should be" for a, b in sorted(reading ^ wanted)]
    return [*told, *_reaching_inside(build)]


def _reaching_inside(build: Build) -> Iterator[str]:
    """Our pods that may call an inner address by its number: some of the addresses they ask were typed by people."""
    for workload in build.of(*WORKLOADS):
        labels = workload["spec"]["template"]["metadata"]["labels"]
        for policy in build.of("NetworkPolicy"):
            if not _selects(policy["spec"]["podSelector"], labels):
                continue
            for rule in policy["spec"].get("egress", []):
                blocks = [peer["ipBlock"] for peer in rule.get("to", [{"ipBlock": ANYWHERE}]) if "ipBlock" in peer]
                for address in (one for one in INSIDE if any(holds(block, one) for block in blocks)):
                    told = f"{workload['metadata']['name']} may call {address}, which is inside"
                    yield f"NetworkPolicy/{policy['metadata']['name']}: {told}"


def holds(block: Any, address: str) -> bool:
    """Whether an ipBlock has the address."""
    networks = [ip_network(one) for one in (block["cidr"], *block.get("except", []))]
    inside = [ip_address(address) in one for one in networks]
    return inside[0] and not any(inside[1:])


def _name(process: Process) -> str:
    return "-".join(process.serves or (process.options.command.__name__.strip("_"),))


def _ends(build: Build) -> list[End]:
    """Everyone who might call: our pods and those of engines, pods without labels, other namespaces, the outside."""
    ends = []
    for one in build.of(*WORKLOADS):
        pod = one["spec"]["template"]
        ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0].get("ports", [])}
        ends.append(End(one["metadata"]["name"], OURS, pod["metadata"]["labels"], ports))
    return [
        *ends,
        End("bus", OURS, {"strimzi.io/cluster": "bus", "strimzi.io/kind": "Kafka"}, {"plain": 9092}),
        End("database", OURS, {"cnpg.io/cluster": "database"}, {"postgresql": 5432}),
        End("stranger", OURS, {}, {"http": 8080}),
        *(End(name, name, {}, {}) for name in ("keda", "monitoring", "default")),
        End("outside", "", {}, {"https": 443}),
    ]


def _declared(build: Build, ends: Set[str]) -> set[tuple[str, str]]:
    """Caller and called as the code says it."""
    served = {one.serves: one.workload["metadata"]["name"] for one in build.processes() if one.serves}
    ours = [*served.values(), *(one["metadata"]["name"] for one in build.of("Job"))]
    doors = {name: served.get((name, "api")) or served[name, "worker"] for name, _ in served}
    store = "objects" if "objects" in ends else "outside"
    calls = {(name, engine) for name in ours for engine in ("bus", "database", store)} - {(doors["pages"], "database")}
    calls |= {(name, doors["accounts"]) for name in served.values()}
    calls |= {(doors[one.name], doors[called]) for one in SERVICES for called in one.calls}
    calls |= {("gateway", name) for name in served.values()} | {(doors["pages"], name) for name in doors.values()}
    calls |= {(anyone, "gateway") for anyone in ("outside", "default", "keda", "monitoring")}
    calls |= {(served["publication", "worker"], "outside")}  # whether the agencies' websites serve their policies (B11)
    calls |= {(served["accounts", "api"], "outside")}  # agencies' trusted issuers (G2)
    calls |= {("keda", "bus"), ("bus", "bus"), ("database", "database")}
    calls |= {(engine, "outside") for engine in ("bus", "database")}  # the Kubernetes API; where backups go
    calls |= {("keda", "outside"), ("monitoring", "outside"), ("default", "outside")}  # no concern of ours
    return {(a, b) for a, b in calls if a != b or a in ("bus", "database")}
