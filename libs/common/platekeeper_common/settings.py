"""Settings of the deployment and of each service, from the environment; a misspelt name is refused."""

import difflib
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "PLATEKEEPER_"

S = TypeVar("S", bound=BaseSettings)


class SettingsError(ValueError):
    """What is wrong with the environment, in one line that names the variable."""


@dataclass(frozen=True, slots=True)
class Brokers:
    """The addresses (HOST:PORT) of a Kafka cluster, and what the names of our topics and groups begin with there."""

    servers: tuple[str, ...]
    prefix: str


SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""libpq's, by how much is asked of the line to the database; `prefer` where none is named."""
_SERVER = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
_KAFKA_URL = re.compile(rf"kafka://(?P<servers>{_SERVER}(?:,{_SERVER})*)(?:/(?P<prefix>[A-Za-z0-9._-]*))?")


class ServiceSettings(BaseSettings):
    """Base of a service's own settings; a subclass sets `env_prefix` to `PLATEKEEPER_<SERVICE>_`."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SERVICE_", frozen=True, extra="forbid")

    body_limit: int = Field(default=1_000_000, gt=0)
    """Bytes of a request's body."""


class Settings(BaseSettings):
    """Settings that every service shares."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    var: Path = Path("var")
    """Everything that the embedded default keeps: databases, bus, objects, keys."""
    bus: str = ""
    """Empty: the embedded bus under `var`. Otherwise `kafka://HOST:PORT[,HOST:PORT...][/PREFIX]`; PREFIX begins the
    names of all topics and groups, for a cluster that is shared."""
    bus_replication: int = Field(default=-1, ge=-1, le=32767)
    """Copies of each topic that `platekeeper migrate` makes; -1: the default of the brokers."""
    database: str = ""
    """Empty: an SQLite file a service under `var`. Otherwise the URL of this process's own role in PostgreSQL,
    `postgresql+asyncpg://ROLE:PASSWORD@HOST:PORT/DATABASE[?ssl=MODE]`; `{service}` in it stands for the service's name.
    MODE is one of SSL_MODES; the authorities that `verify-ca` and `verify-full` go by are in the file PGSSLROOTCERT."""
    objects: str = ""
    """Empty: a folder under `var`. Otherwise `s3://BUCKET[/PREFIX]`; endpoint and credentials as `AWS_*` variables."""
    key_store: str = ""
    """Empty: a folder under `var`. Otherwise `s3://BUCKET[/PREFIX]`, never the bucket of objects or of backups."""
    kek_file: Path | None = None
    """The file with the 32 bytes that wrap every key; needed with a bucket. Unset: `kek` in the folder of keys."""
    neighbours: str = ""
    """Where services of other processes answer: a URL with `{service}` for the name, as `http://{service}:8080`, or
    `NAME=URL[,NAME=URL...]`."""
    policies: Path = Path("policies")
    """The folder of policy profiles."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    trusted_proxies: str = ""
    """Addresses or networks of the gateway, separated by commas: only from there is X-Forwarded-For believed."""
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | Literal["off"] = 9464
    """Where operators read /metrics, without a token: never a public address (clause G2). 0 takes any free port."""
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    """Unset: `info`, but `warning` where a person watches (standard error is a terminal)."""
    ca: Path | None = None
    """The file (PEM) of who vouches for the platform's certificate, for our own commands that speak to it."""
    issuer: str = "platekeeper"
    audience: str = "platekeeper"
    baseline_hours: float = Field(default=24, gt=0)
    """How often each service looks whether it stands as the security baseline asks (G1)."""
    baseline_closed: str = ""
    """`HOST:PORT[,HOST:PORT...]` that the network must not let this process reach; the baseline tries each (G1)."""
    backup_hours: float | None = Field(default=None, ge=0)
    """How old the last backup that was made from this machine's `var` may be before the baseline alarms; 0: any age.
    Unset: a week once an agency is live and the databases are files here."""
    publish_seconds: float = Field(default=5, gt=0)
    query_seconds: float = Field(default=3, gt=0)
    peer_seconds: float = Field(default=3, gt=0)
    drain_seconds: float = Field(default=20, gt=0)
    statement_seconds: float = Field(default=60, gt=0)
    """Between two looks at whether what a service states in public has changed."""
    notice_seconds: float = Field(default=0, ge=0)
    """How long a process that is told to stop still takes requests while it says that it is not ready: longer than
    the gateway takes to notice."""

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, database: str) -> str:
        """Refuse what the driver could not use, in words that quote no password."""
        if database:
            query = dict(_parsed(database, "service").query)
            mode = query.pop("ssl", "prefer")
            if query:
                raise ValueError(f"after the ? only ssl is known, not {min(query)}")
            if mode not in SSL_MODES:
                raise ValueError(f"ssl must be one of {', '.join(SSL_MODES)}")
            authorities = Path(os.environ.get("PGSSLROOTCERT") or Path.home() / ".postgresql" / "root.crt")
            if str(mode).startswith("verify-") and not authorities.is_file():
                raise ValueError(
                    f"ssl={mode} goes by the authorities (PEM) in PGSSLROOTCERT, and {authorities} is no file"
                )
        return database

    @field_validator("neighbours")
    @classmethod
    def _reachable(cls, neighbours: str) -> str:
        """Refuse what is neither a template nor a list of URLs."""
        listed = _listed(neighbours)
        urls = [neighbours] if listed is None else [url for _, url in listed]
        if neighbours and not all(url.startswith(("http://", "https://")) for url in urls):
            raise ValueError("must be a URL with {service} in it, or NAME=URL[,NAME=URL...]")
        return neighbours

    def neighbour(self, name: str) -> str | None:
        """The URL of a service of another process; None when none is known."""
        listed = _listed(self.neighbours)
        if listed is None:
            return self.neighbours.replace("{service}", name)
        return dict(listed).get(name)

    def brokers(self) -> "Brokers":
        """Where Kafka is. Raises SettingsError when `bus` does not say."""
        found = _KAFKA_URL.fullmatch(self.bus)
        if found is None:
            raise SettingsError(f"{PREFIX}BUS: not kafka://HOST:PORT[,HOST:PORT...][/PREFIX]: {self.bus}")
        return Brokers(tuple(found["servers"].split(",")), found["prefix"] or "")

    @field_validator("baseline_closed")
    @classmethod
    def _are_places(cls, text: str) -> str:
        for one in filter(None, text.split(",")):
            host, _, port = one.strip().rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
                raise ValueError(f"must be HOST:PORT[,HOST:PORT...], not {one.strip()}")
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for one in filter(None, text.split(",")):
            ipaddress.ip_network(one.strip())
        return text

    @property
    def for_this_machine_alone(self) -> bool:
        """Whether nobody can ask from elsewhere: it listens to this machine, and no gateway passes others on."""
        return is_loopback(self.host) and not self.trusted_proxies

    def database_of(self, name: str) -> str:
        """The SQLAlchemy URL of a service's own database; on PostgreSQL its parameter `schema` names the schema."""
        if self.database:
            url = _parsed(self.database, name).update_query_dict({"schema": name})
            return url.render_as_string(hide_password=False)
        return f"sqlite+aiosqlite:///{(self.var / 'db' / f'{name}.sqlite').absolute()}"


def _parsed(database: str, service: str) -> URL:
    """The URL of a service's database. Raises ValueError."""
    try:
        url = make_url(database.replace("{service}", service))
    except (ArgumentError, ValueError):
        url = None
    whole = url is not None and url.drivername == "postgresql+asyncpg" and url.username and url.host and url.database
    if url is None or not whole:
        raise ValueError("must be postgresql+asyncpg://ROLE:PASSWORD@HOST:PORT/DATABASE[?ssl=MODE]")
    return url


def is_loopback(host: str) -> bool:
    """Whether the name or address of a host is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in ("localhost", "")


def _listed(neighbours: str) -> list[tuple[str, str]] | None:
    """Names and URLs of a list; None for a template."""
    if "{service}" in neighbours:
        return None
    pairs = [one.strip().partition("=") for one in neighbours.split(",") if one.strip()]
    return [(name, url) for name, _, url in pairs]


def load(model: type[S]) -> S:
    """The settings in the environment. Raises SettingsError naming the variable that is wrong."""
    try:
        return model()
    except ValidationError as error:
        prefix = model.model_config.get("env_prefix", "")
        lines = [
            f"{prefix}{'_'.join(map(str, e['loc']))}".upper() + f": {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise SettingsError("; ".join(lines)) from error


def refuse_unknown_names(
    models: Iterable[type[BaseSettings]], environment: Mapping[str, str] = os.environ, *, elsewhere: Iterable[str] = ()
) -> None:
    """Raise SettingsError for the first name with our prefix that no model knows, with the nearest that one does.

    Names with a prefix of `elsewhere` are settings of services in other processes, which look at them.
    """
    others = tuple(elsewhere)
    known = {
        f"{model.model_config.get('env_prefix', '')}{name}".upper() for model in models for name in model.model_fields
    }
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known and not name.upper().startswith(others):
            meant = name.upper().removeprefix(PREFIX)
            near = difflib.get_close_matches(meant, [one.removeprefix(PREFIX) for one in known], n=1)
            guess = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            raise SettingsError(f"{name} is no setting of ours{guess}")
