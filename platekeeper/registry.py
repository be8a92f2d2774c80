"""The one list of services, as data: a process imports those that it runs, and of the others only their policies.

Everything that depends on which services there are is generated from it. `SERVICES` and `SECTIONS` are made when first
asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # whoever needs only the names shall not load the rest
    from platekeeper_common.policy import PolicySection
    from platekeeper_common.service import Role, Service


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a service is declared: `package` holds `service.py` and, where it has a section of policy, `policy.py`.

    `roles` are those that `Service.roles` finds: which processes it has beside others.
    """

    name: str
    package: str
    roles: tuple[Role, ...]
    declared_as: str = "SERVICE"
    has_policy: bool = True


ENTRIES = (
    Entry("ingest", "platekeeper_ingest", ("api",)),
    Entry("recognition", "platekeeper_recognition", ("worker",), has_policy=False),
    Entry("hotlist", "platekeeper_hotlist", ("api", "worker")),
    Entry("retention", "platekeeper_retention", ("api", "worker")),
    Entry("release", "platekeeper_release", ("api",)),
    Entry("accounts", "platekeeper_access_audit.accounts", ("api", "worker"), "ACCOUNTS"),
    Entry("ledger", "platekeeper_access_audit.ledger", ("api", "worker"), "LEDGER"),
    Entry("publication", "platekeeper_access_audit.publication", ("api", "worker"), "PUBLICATION"),
)
NAMES = tuple(entry.name for entry in ENTRIES)
DEAD_LETTERS = ("recognition", "hotlist", "retention", "accounts", "ledger")
"""Those that consume: their workers answer for what could not be handled."""
PAGES = "pages"
"""The start page, which is no service: it has no database and no events."""

SERVICES: tuple[Service, ...]
"""Every service."""
SECTIONS: Mapping[str, type[PolicySection]]
"""Every section that a policy profile must have."""


@cache
def service(name: str) -> Service:
    """The declaration of one service, imported now. Raises KeyError."""
    entry = {one.name: one for one in ENTRIES}[name]
    declared: Service = getattr(import_module(f"{entry.package}.service"), entry.declared_as)
    return declared


@cache
def sections() -> Mapping[str, type[PolicySection]]:
    """Every section that a policy profile must have, without the services themselves."""
    from platekeeper_common.policy import merge

    return merge(*(import_module(f"{entry.package}.policy").SECTIONS for entry in ENTRIES if entry.has_policy))


def __getattr__(name: str) -> Any:
    if name == "SERVICES":
        return tuple(map(service, NAMES))
    if name == "SECTIONS":
        return sections()
    raise AttributeError(name)
