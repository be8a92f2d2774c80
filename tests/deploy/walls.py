"""Who may call whom by the NetworkPolicies of a build, worked out as Kubernetes does: both ends must allow it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from building import Document

Labels = Mapping[str, str]
NAMESPACE = "kubernetes.io/metadata.name"


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
    if "matchExpressions" in selector:
        raise NotImplementedError("expressions in selectors")
    wanted = selector.get("matchLabels", {})
    return all(labels.get(name) == value for name, value in wanted.items())
