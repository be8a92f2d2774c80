"""What the full stack on one machine consists of: which processes, with what environment and ports, in what order.

Values only: `supervisor.py` starts what is planned here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from platekeeper.registry import DEAD_LETTERS, ENTRIES, PAGES
from platekeeper.stack.ports import free_port
from platekeeper.stack.settings import UpSettings
from platekeeper_common.settings import SettingsError

HOST = "127.0.0.1"
DATABASE = "platekeeper"
NOTICE_SECONDS = "2"
"""Longer than the gateway takes to notice that a process is not ready."""

Stage = Literal["first", "services", "door"]
STAGES: tuple[Stage, ...] = ("first", "services", "door")
"""Accounts come first, for their keys; the gateway last, for it opens to what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One process of ours: `platekeeper` with `arguments`, ready when its port answers 200 at `probe`."""

    name: str
    service: str
    role: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    probe: str | None
    """A path; None: it is ready when its port is open."""
    stage: Stage


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens on loopback."""

    door: int
    gateway_figures: int
    kafka: int
    postgresql: int
    services: tuple[int, ...]
    """Two for each process: requests and probes, figures."""

    @classmethod
    def of(cls, settings: UpSettings) -> "Ports":
        """The settings' ports, free ones where they say 0."""
        count = 2 * sum(1 for _ in _roles(settings))
        first = settings.services
        row = tuple(range(first, first + count)) if first else tuple(free_port() for _ in range(count))
        fixed = (settings.door, settings.gateway_figures, settings.kafka, settings.postgresql)
        door, figures, kafka, postgresql = (port or free_port() for port in fixed)
        return cls(door, figures, kafka, postgresql, row)


@dataclass(frozen=True, slots=True)
class Plan:
    """The processes of ours, and what commands of ours need to reach the same engines."""

    processes: tuple[Planned, ...]
    commands: Mapping[str, Mapping[str, str]]
    """The environments of `migrate` and `administrator`."""
    ports: Ports


def plan(
    var: Path, settings: UpSettings, ports: Ports, *, bus: str, secrets: Mapping[str, str], administrator: str
) -> Plan:
    """The plan over the folder `var`. `secrets`: database passwords by role; `administrator`: the database's URL."""
    named = list(_roles(settings))
    at = {name: (ports.services[2 * place], ports.services[2 * place + 1]) for place, (name, *_) in enumerate(named)}
    neighbours = ",".join(f"{service}=http://{HOST}:{at[name][0]}" for service, name in _first(named).items())
    common = {
        "PLATEKEEPER_VAR": str(var.absolute()),
        "PLATEKEEPER_BUS": bus,
        "PLATEKEEPER_HOST": HOST,
        "PLATEKEEPER_NEIGHBOURS": neighbours,
        "PLATEKEEPER_TRUSTED_PROXIES": HOST,
        "PLATEKEEPER_ACCOUNTS_ORIGIN": f"https://localhost:{ports.door}",
        "PLATEKEEPER_NOTICE_SECONDS": NOTICE_SECONDS,
    }

    def database(role: str) -> str:
        return f"postgresql+asyncpg://{role}:{secrets[role]}@{HOST}:{ports.postgresql}/{DATABASE}"

    def process(name: str, service: str, role: str) -> Planned:
        port, figures = at[name]
        own = {"PLATEKEEPER_PORT": str(port), "PLATEKEEPER_METRICS_PORT": str(figures)}
        if service != PAGES:
            own["PLATEKEEPER_DATABASE"] = database(f"{service}_{role}")
        if service == "recognition":
            own["PLATEKEEPER_RECOGNITION_THREADS"] = str(_threads(settings))
        return Planned(
            name=name,
            service=service,
            role=role,
            arguments=("serve", service, *(() if service == PAGES else ("--role", role))),
            environment=common | own,
            port=port,
            probe=f"/health/{service}/ready",
            stage="first" if (service, role) == ("accounts", "api") else "services",
        )

    return Plan(
        (*(process(*one) for one in named), _gateway(var, ports, common, _addresses(named, at))),
        {
            "migrate": common | {"PLATEKEEPER_DATABASE": administrator},
            "administrator": common | {"PLATEKEEPER_DATABASE": database("accounts")},
        },
        ports,
    )


def demand_known(settings: UpSettings) -> None:
    """Raise SettingsError when the settings name a process that there is not."""
    list(_roles(settings))


def _gateway(var: Path, ports: Ports, common: Mapping[str, str], addresses: Sequence[str]) -> Planned:
    """The door before all of them; `addresses` say where each answers."""
    own = {
        "PLATEKEEPER_GATEWAY_BIND": f"{HOST}:{ports.door}",
        "PLATEKEEPER_GATEWAY_OPERATORS": f"{HOST}:{ports.gateway_figures}",
        "PLATEKEEPER_GATEWAY_FOLDER": str(var.absolute() / "up" / "gateway"),
    }
    return Planned(
        name="gateway",
        service="gateway",
        role="",
        arguments=("gateway", "run", *addresses),
        environment={**common, **own},
        port=ports.door,
        probe=None,
        stage="door",
    )


def _roles(settings: UpSettings) -> Iterator[tuple[str, str, str]]:
    """Name, service and role of every process of a service that is started. Raises SettingsError for an unknown one."""
    only = {name.strip() for name in settings.only.split(",") if name.strip()}
    known = {name: (name, service, role) for name, service, role in _every_role(settings)}
    if unknown := only - known.keys():
        raise SettingsError(f"PLATEKEEPER_UP_ONLY: no process {min(unknown)}; there are {', '.join(known)}")
    yield from (one for name, one in known.items() if not only or name in only)


def _every_role(settings: UpSettings) -> Iterator[tuple[str, str, str]]:
    for entry in ENTRIES:
        for role in entry.roles:
            count = settings.recognition_workers if entry.name == "recognition" else 1
            for number in range(1, count + 1):
                yield f"{entry.name}-{role}" + (f"-{number}" if count > 1 else ""), entry.name, role
    yield PAGES, PAGES, "api"


def _first(named: list[tuple[str, str, str]]) -> dict[str, str]:
    """Of each service the process that others ask: the api where there is one."""
    found: dict[str, str] = {}
    for name, service, _ in named:
        found.setdefault(service, name)
    return found


def _addresses(named: list[tuple[str, str, str]], at: Mapping[str, tuple[int, int]]) -> list[str]:
    """Where the gateway finds each service, and the workers that answer for dead letters."""
    groups: dict[str, list[str]] = {}
    for name, service, role in named:
        beside = role == "worker" and (f"{service}-api", service, "api") in named
        if not beside or service in DEAD_LETTERS:
            groups.setdefault(f"{service}-worker" if beside else service, []).append(f"{HOST}:{at[name][0]}")
    return [word for name, places in groups.items() for word in ("--at", f"{name}={','.join(places)}")]


def _threads(settings: UpSettings) -> int:
    return max(1, (os.cpu_count() or 1) // settings.recognition_workers)
