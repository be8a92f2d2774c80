"""haproxy.cfg as our services declare it."""

import ipaddress
import json
import os
import pwd
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from platekeeper.gateway import keys
from platekeeper.gateway.doors import PAGES, Behind, Doors, doors, worker
from platekeeper.gateway.settings import RATE_SECONDS, GatewaySettings
from platekeeper.heard_out import MOST_DISCARDED
from platekeeper_common import settings as environment
from platekeeper_common.service import Service
from platekeeper_common.settings import Settings, SettingsError

Addresses = Mapping[str, Sequence[str]]
"""Where each service answers, `HOST:PORT`, one or several; a service that is not named is not reached."""

CLAIMS = ("iss", "aud", "sub", "jti", "iat", "nbf", "exp", "kind", "agency", "username", "name", "organisation")
"""What every token of ours holds; `roles` may be an empty list, which HAProxy cannot tell from none."""
ERRORS = (
    (400, "invalid_request", "the request cannot be understood", None),
    (408, "too_slow", "the request did not arrive in time", None),
    (413, "too_large", "the body is over the limit", None),
    (500, "internal_error", "something failed here", None),
    (502, "unavailable", "a part that this needs gave no answer; try again", 2),
    (503, "unavailable", "a part that this needs is away; try again", 2),
    (504, "unavailable", "a part that this needs did not answer in time; try again", 2),
)
"""Status, code, detail and Retry-After of what HAProxy itself answers."""
USER = "haproxy"
CONNECTIONS_KEPT = 100
"""Connections beyond those of the public: of probes and operators."""
STREAMS = 10
"""Requests at once on one HTTP/2 connection; each holds memory like a connection of its own."""
NO_KEYS = "the keys of the login service cannot be had"
_WORD = re.compile(r"[^\s'%]{1,200}")
CLUSTER = Settings(neighbours="http://{service}:8080")
"""What `deploy/gateway/haproxy.cfg` is rendered for: a service a name, as in Kubernetes and Compose."""
CLUSTER_GATEWAY = GatewaySettings(folder=Path("/var/lib/platekeeper/gateway"), probes=":8405")
CLUSTER_FILES = Path("/etc/platekeeper/gateway")
"""Where image and ConfigMap put what lies beside that file."""
REFUSING = Path(__file__).with_name("refuse.lua")
"""The service in HAProxy that reads a refused request's body before it answers."""
STRANGER = json.dumps(
    {
        "type": "urn:platekeeper:problem:%[var(txn.code)]",
        "title": '%[var(txn.code),regsub("_"," ")]',
        "status": 401,
        "detail": "log in; the token is missing, expired or not one of ours",
        "code": "%[var(txn.code)]",
        "clause": "G2",
    }
).replace(r"\"", '"')
"""What whoever is not known is told; `txn.code` says why."""
_templates = Environment(  # noqa: S701 - no HTML
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
)


def names(services: Sequence[Service]) -> set[str]:
    """What the gateway calls services, their workers and the pages."""
    return {name for service in services for name in (service.name, worker(service))} | {PAGES}


def addresses(services: Sequence[Service], settings: Settings) -> dict[str, list[str]]:
    """Where the services answer by `settings.neighbours`; without it, all in the one process of these settings."""
    if not settings.neighbours:
        return {name: [f"{settings.host}:{settings.port}"] for name in names(services)}
    known = {name: settings.neighbour(name) for name in names(services)}
    return {name: [urlsplit(url).netloc] for name, url in known.items() if url is not None}


def for_cluster(services: Sequence[Service]) -> str:
    """The file that the repository holds: every limit as it is by default, whatever the environment says."""
    section = {service.name: service.settings.model_construct() for service in services}
    at = addresses(services, CLUSTER)
    return render(
        doors(services, section),
        at,
        issuer=CLUSTER.issuer,
        audience=CLUSTER.audience,
        gateway=CLUSTER_GATEWAY,
        refusing=CLUSTER_FILES / REFUSING.name,
    )


def here(services: Sequence[Service], settings: Settings, gateway: GatewaySettings, at: Addresses) -> str:
    """The configuration for this machine, limits from the environment. Raises SettingsError."""
    section = {service.name: environment.load(service.settings) for service in services}
    user = USER if os.geteuid() == 0 and _exists(USER) else None
    return render(
        doors(services, section), at, issuer=settings.issuer, audience=settings.audience, gateway=gateway, user=user
    )


def render(
    known: Doors,
    at: Addresses,
    *,
    issuer: str,
    audience: str,
    gateway: GatewaySettings,
    user: str | None = None,
    refusing: Path = REFUSING,
) -> str:
    """The text of haproxy.cfg. Started by root, HAProxy becomes `user` once it listens; `refusing` lies there."""
    for word in (issuer, audience):
        if not _WORD.fullmatch(word):
            raise SettingsError(f"issuer and audience cannot be compared by the gateway: {word!r}")
    certificate = gateway.certificate and gateway.certificate.absolute()
    placed = gateway.model_copy(update={"folder": gateway.folder.absolute(), "certificate": certificate})
    return _templates.get_template("haproxy.cfg.j2").render(
        doors=known,
        addresses=at,
        issuer=issuer,
        audience=audience,
        gateway=placed,
        folder=placed.folder,
        keys=placed.keys,
        user=user,
        claims=CLAIMS,
        routes=_routes(known),
        fits=_fits,
        errors=ERRORS,
        names=any(_is_name(address) for several in at.values() for address in several),
        rate_seconds=RATE_SECONDS,
        problem=problem,
        refuse=refuse,
        refuse_with=refuse_with,
        stranger=STRANGER,
        too_large=_too_large,
        others=_others,
        most_discarded=MOST_DISCARDED,
        refusing=refusing.absolute(),
        connections_kept=CONNECTIONS_KEPT,
        streams=STREAMS,
        keys_known=_keys_known(placed),
        ready=partial(_ready, placed),
        no_keys=NO_KEYS,
    )


def problem(status: int, code: str, detail: str, clause: str | None = None) -> str:
    """A problem document (RFC 9457) as the services write it."""
    body = {"type": f"urn:platekeeper:problem:{code}", "title": code.replace("_", " "), "status": status}
    return json.dumps(body | {"detail": detail, "code": code} | ({"clause": clause} if clause else {}))


def refuse(status: int, code: str, detail: str, when: str, *, retry: int = 0) -> str:
    """The rules that answer a problem document `when` a condition holds."""
    return refuse_with(status, problem(status, code, detail), when, retry=retry)


def refuse_with(status: int, document: str, when: str, *, retry: int = 0) -> str:
    """The rules that answer `document`, a log-format, `when` a condition holds; a long body is read first."""
    long = f"{when} {{ var(txn.long_body) -m bool }}"
    rules = (
        f"http-request wait-for-body time 5s at-least 1 if {long}",
        f"http-request set-var-fmt(txn.refusal) '{status} {retry} {document}' if {long} {{ req.body_len gt 0 }}",
        "http-request use-service lua.refuse if { var(txn.refusal) -m found }",
        answer(status, document, when, retry=retry),
    )
    return "\n    ".join(rules)


def answer(status: int, document: str, when: str, *, retry: int = 0) -> str:
    """The rule that answers `document`, a log-format, at once `when` a condition holds."""
    kind = "content-type application/problem+json" + (f" hdr Retry-After {retry}" if retry else "")
    return f"http-request return status {status} {kind} lf-string '{document}' if {when}"


def _keys_known(gateway: GatewaySettings) -> str:
    """What is found where HAProxy has read keys that verify tokens."""
    return f'str("{keys.LOADED}"),map_str({gateway.keys / keys.MAP}) -m found'


def _ready(gateway: GatewaySettings, path: str) -> str:
    """The rules that answer at `path` whether there are keys: without them nearly every door is shut."""
    told = "http-request return status {} content-type application/json string '{}' if {{ path {} }}"
    yes = {"service": "gateway", "ready": True}
    no = {"service": "gateway", "ready": False, "trouble": [NO_KEYS]}
    return "\n    ".join(
        (
            told.format(200, json.dumps(yes), path) + f" {{ {_keys_known(gateway)} }}",
            told.format(503, json.dumps(no), path),
        )
    )


def _too_large(limit: int, where: str = "") -> str:
    """The rule for a body that announces to be over the limit; what a service can hear out is its own to refuse."""
    when = f"{where} {{ req.hdr_val(content-length) gt {max(limit, MOST_DISCARDED)} }}"
    return answer(413, problem(413, "too_large", f"the body is over the limit of {limit} bytes"), when.strip())


def _others(behind: Behind) -> str:
    """The condition that the path is none of those that have a limit of their own."""
    return " ".join(f"!long_{number}" for number in range(1, len(behind.long_bodies) + 1))


def _routes(known: Doors) -> list[tuple[str, list[str]]]:
    """Service and prefixes in the order in which they are tried, so that the longest prefix that fits answers."""
    nested = [
        (path, name)
        for path, name in known.paths
        if any(other != name and path.startswith(f"{prefix.rstrip('/')}/") for prefix, other in known.paths)
    ]
    grouped: dict[str, list[str]] = {}
    for path, name in sorted(set(known.paths) - set(nested)):
        grouped.setdefault(name, []).append(path)
    return [(name, [path]) for path, name in nested] + list(grouped.items())


def _fits(prefixes: Sequence[str]) -> str:
    """The condition that a path is one of the prefixes or below it; a prefix that ends in a slash is below alone."""
    below = [f"{prefix}/" for prefix in prefixes if not prefix.endswith("/")]
    alone = [prefix for prefix in prefixes if prefix.endswith("/")]
    conditions = [("below", below), ("path", alone)]
    return " || ".join(f"{{ var(txn.{name}) -m beg {' '.join(several)} }}" for name, several in conditions if several)


def _is_name(address: str) -> bool:
    try:
        ipaddress.ip_address(address.rpartition(":")[0].strip("[]"))
    except ValueError:
        return True
    return False


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
