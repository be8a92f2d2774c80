"""What the gateway must know of the services, taken from their own declarations: paths, open doors, body limits."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastapi.routing import APIRoute, iter_route_contexts

from platekeeper.pages import plain
from platekeeper_common import app as apps
from platekeeper_common.edge import declared_action
from platekeeper_common.service import Service
from platekeeper_common.settings import ServiceSettings

PAGES = "pages"
"""The start page and the plain ones, which are no service of the registry; they take no body."""


@dataclass(frozen=True, slots=True)
class LongBody:
    """A route whose bodies may be longer than its service's others."""

    pattern: str
    """A regular expression of the path."""
    limit: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A service as the gateway sees it."""

    name: str
    probe: str
    """Where it says whether it is ready."""
    body_limit: int
    """Bytes."""
    long_bodies: tuple[LongBody, ...] = ()


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything that the configuration says about services."""

    services: tuple[Behind, ...]
    paths: tuple[tuple[str, str], ...]
    """Prefix and service, the longest prefix first; the first that fits answers."""
    open_paths: tuple[str, ...]
    """Exact paths whose routes declare no action: no token is asked for."""
    open_prefixes: tuple[str, ...]
    """Health, documents, and what a service leaves open as a whole."""
    logins: tuple[str, ...]
    """Open paths that are posted to: each tries a password, a secret or a token."""


def doors(services: Sequence[Service], settings: Mapping[str, ServiceSettings]) -> Doors:
    """The doors of the services, each with its settings by name."""
    open_routes = [route for service in services for route in _open(service)]
    return Doors(
        services=(
            *(_behind(service, settings[service.name]) for service in services),
            *(_worker(service, settings[service.name]) for service in services if worker(service) != service.name),
            Behind(PAGES, _probe(PAGES), 0),
        ),
        paths=tuple(sorted(_paths(services), key=lambda pair: (-len(pair[0]), pair))),
        open_paths=("/", *plain.PATHS, *sorted({path for path, _ in open_routes})),
        open_prefixes=(*(prefix for service in services for prefix in apps.public(service)), plain.ASSETS),
        logins=tuple(sorted({path for path, methods in open_routes if "POST" in methods})),
    )


def worker(service: Service) -> str:
    """Who answers for the service's dead letters: its workers, by a name of their own where it has an api too."""
    return f"{service.name}-worker" if service.consumes and "api" in service.roles else service.name


def _paths(services: Iterable[Service]) -> Iterator[tuple[str, str]]:
    """A path of a worker alone is its dead letters."""
    for service in services:
        own = apps.paths(service, frozenset({"api"}))
        yield from ((path, service.name) for path in own)
        yield from ((path, worker(service)) for path in apps.paths(service) if path not in own)


def _open(service: Service) -> Iterator[tuple[str, frozenset[str]]]:
    """Path and methods of every route that declares no action.

    But of those below a prefix that is open as a whole. Raises ValueError for another path with a parameter: the
    gateway compares open paths exactly.
    """
    for context in iter_route_contexts([route for router in service.routes for route in router.routes]):
        route = context.original_route
        if isinstance(route, APIRoute) and declared_action(route) is None:
            path = context.path or route.path
            if any(f"{path}/".startswith(f"{prefix}/") for prefix in service.open_below):
                continue
            if "{" in path:
                raise ValueError(f"{path} is open and has a parameter")
            yield path, frozenset(context.methods or ())


def _behind(service: Service, settings: ServiceSettings) -> Behind:
    long_bodies = (
        LongBody(re.sub(r"\\?\{[^}]*\}", "[^/]+", path), getattr(settings, name))
        for path, name in service.long_bodies.items()
    )
    return Behind(service.name, _probe(service.name), settings.body_limit, tuple(long_bodies))


def _worker(service: Service, settings: ServiceSettings) -> Behind:
    return Behind(worker(service), _probe(service.name), settings.body_limit)


def _probe(name: str) -> str:
    return f"/health/{name}/ready"
