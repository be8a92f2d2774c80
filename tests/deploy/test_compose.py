"""deploy/compose.yaml is what Compose takes, and says what the code says."""

import copy
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemas
import yaml
from agreement import servers
from building import DEPLOY, ROOT
from pydantic_settings import BaseSettings
from test_images import STAGES
from workloads import PROCESSES

from platekeeper import cli, runtime
from platekeeper.gateway.settings import GatewaySettings
from platekeeper.registry import NAMES, PAGES, SERVICES
from platekeeper.stack import kafka
from platekeeper_common import settings as environment
from platekeeper_common.provision import running
from platekeeper_common.settings import PREFIX, Settings, SettingsError

STACK = DEPLOY / "compose.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets as the operator makes them."""
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    subprocess.run([DEPLOY / "compose-secrets.sh", folder], check=True)
    return folder


@pytest.fixture
def stack() -> Any:
    """The document."""
    return yaml.safe_load(STACK.read_text())


def variables(made: Path) -> dict[str, str]:
    """What the file of variables says."""
    return dict(line.split("=", 1) for line in (made / "compose.env").read_text().splitlines())


def problems(stack: Any, known: Mapping[str, str]) -> list[str]:
    """Everything that is wrong with the stack."""
    wrong = schemas.compose_problems(stack)
    if wrong:
        return wrong
    told, served = [], {}
    for name, service in stack["services"].items():
        told += [f"{name}: {one}" for one in _image(name, service)]
        told += [
            f"{name} waits for {one}, which is not there"
            for one in service.get("depends_on", {})
            if one not in stack["services"]
        ]
        if not _is_ours(service):
            continue
        variables = _filled(service["environment"], known)
        told += [f"{name}: {one}" for one in _environment(variables)]
        try:
            options = cli._parser().parse_args(service["command"])
        except SystemExit:
            told.append(f"{name}: `platekeeper {' '.join(service['command'])}` is no command")
            continue
        if hasattr(options, "roles"):
            (role,) = options.roles or ("api",)
            served[options.name, role] = name
            told += [f"{name}: {one}" for one in _database(variables, options.name, role)]
        if (
            not service.get("read_only")
            or service.get("cap_drop") != ["ALL"]
            or ("ports" in service and name != "gateway")
        ):
            told.append(f"{name} may more than it needs")
    told += [f"nobody serves {name} as {role}" for name, role in sorted(PROCESSES - served.keys())]
    return told + [f"{one} answers at no service of its name" for one in (*NAMES, PAGES) if one not in served.values()]


def _is_ours(service: Any) -> bool:
    """Whether it runs a command of ours, and does not only prepare for those that do."""
    return service["image"].startswith("platekeeper/") and "entrypoint" not in service


def _filled(given: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    return {
        key: re.sub(r"\$\{(\w+)(:\?[^}]*)?\}", lambda name: known[name[1]], str(value)) for key, value in given.items()
    }


def _environment(variables: Mapping[str, str]) -> list[str]:
    try:
        models: list[type[BaseSettings]] = [Settings, GatewaySettings, *(service.settings for service in SERVICES)]
        environment.refuse_unknown_names(models, variables)
        own = {key.removeprefix(PREFIX).lower(): value for key, value in variables.items()}
        settings = Settings(**{key: value for key, value in own.items() if key in Settings.model_fields})  # type: ignore[arg-type]
        assert settings.neighbour("ingest") == f"http://ingest:{settings.port}"
        assert list(settings.brokers().servers) == ["kafka:9092"]
    except (SettingsError, ValueError) as error:
        return [str(error)]
    return []


def _database(variables: Mapping[str, str], name: str, role: Any) -> list[str]:
    if name == PAGES:
        return []
    url = urlsplit(variables.get("PLATEKEEPER_DATABASE", ""))
    told = (url.scheme, url.username, url.hostname, url.port, url.path)
    wanted = ("postgresql+asyncpg", running(name, role), "postgres", 5432, "/platekeeper")
    return [] if told == wanted else [f"PLATEKEEPER_DATABASE leads to {told}"]


def _image(name: str, service: Any) -> list[str]:
    image, _, tag = service["image"].rpartition(":")
    told = [f"image {service['image']} is of no version"] if not image or tag in ("", "latest") else []
    if image.startswith("platekeeper/"):
        stage = image.removeprefix("platekeeper/")
        if tag != runtime.VERSION or stage not in STAGES or service.get("build", {}).get("target", stage) != stage:
            told.append(f"image {service['image']} is not made by that stage in this version")
    if name == "kafka" and tag != kafka.VERSION:
        told.append(f"Kafka {tag} is not the {kafka.VERSION} that is tested")
    return told


def test_the_stack_says_what_the_code_says(stack: Any, made: Path) -> None:
    assert problems(stack, variables(made)) == []


def test_the_gateway_finds_every_name_in_the_stack(stack: Any) -> None:
    called = servers((DEPLOY / "gateway" / "haproxy.cfg").read_text())
    assert called
    assert {host for host, _ in called} <= stack["services"].keys()


def test_secrets_are_made_once_for_every_role(made: Path) -> None:
    passwords = json.loads((made / "passwords.json").read_text())
    assert set(passwords) == {running(name, role) for name, role in PROCESSES if name != PAGES}  # type: ignore[arg-type]
    assert all(variables(made)[f"PASSWORD_{role.upper()}"] == password for role, password in passwords.items())
    assert len((made / "kek").read_bytes()) == 32
    modes = {path.name: path.stat().st_mode & 0o777 for path in (made, *made.iterdir())}
    closed = dict.fromkeys(("kek", "compose.env", "database.pem", "database.key"), 0o600)
    assert modes == closed | {"secrets": 0o700, "passwords.json": 0o444}
    assert subprocess.run([DEPLOY / "compose-secrets.sh", made], check=False, capture_output=True).returncode == 1
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_half_made_secrets_are_none(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "mktemp", "mkdir", "rm", "mv", "tr", "chmod", "cat"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    command = [DEPLOY / "compose-secrets.sh", tmp_path / "secrets"]
    done = subprocess.run(command, env={"PATH": str(tmp_path / "bin")}, check=False, capture_output=True)
    assert done.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_the_line_to_the_database_is_verified(stack: Any, made: Path) -> None:
    database, placed = stack["services"]["postgres"], stack["services"]["secrets"]["command"][0]
    assert "ssl=on" in database["command"]
    for word in ("/placed/kek", "/placed/database.pem", "/tls/server.pem", "/tls/server.key"):
        assert f" {word}\n" in placed
    assert "install -o 10001 -g 10001 -m 0400 /run/secrets/kek " in placed
    known = variables(made)
    asked = {name: one["environment"] for name, one in stack["services"].items() if _is_ours(one)}
    for name, told in asked.items():
        assert _filled(told, known)["PGSSLMODE"] == "verify-full", name
        assert told["PGSSLROOTCERT"] == "/run/platekeeper/database.pem", name
        assert "placed:/run/platekeeper:ro" in stack["services"][name]["volumes"], name
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(made / "database.pem", made / "database.key")
    calling = ssl.create_default_context(cafile=made / "database.pem")
    for name, believed in (("postgres", True), ("elsewhere", False)):
        assert _shake_hands(serving, calling, name) is believed


def _shake_hands(serving: ssl.SSLContext, calling: ssl.SSLContext, name: str) -> bool:
    """Whether the caller believes that the server is `name`."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server, caller = serving.wrap_bio(up, down, server_side=True), calling.wrap_bio(down, up, server_hostname=name)
    for _ in range(4):
        for one in (caller, server):
            try:
                one.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return caller.version() is not None


DRIFTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "an unknown field": (lambda one: one["services"]["ingest"].update(imagee="x"), "imagee"),
    "an unknown variable": (
        lambda one: one["services"]["ledger"]["environment"].update(PLATEKEEPER_BUSS="x"),
        "PLATEKEEPER_BUSS",
    ),
    "no such role": (
        lambda one: one["services"]["ingest"].update(command=["serve", "ingest", "--role", "x"]),
        "is no command",
    ),
    "a process is gone": (lambda one: one["services"].pop("hotlist-worker"), "nobody serves hotlist as worker"),
    "the newest image": (lambda one: one["services"]["postgres"].update(image="postgres:latest"), "is of no version"),
    "another broker": (lambda one: one["services"]["kafka"].update(image="apache/kafka:3.9.0"), "that is tested"),
    "a port is open": (lambda one: one["services"]["accounts"].update(ports=["8080:8080"]), "accounts may more"),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_drifts_is_named(drift: str, stack: Any, made: Path) -> None:
    alter, said = DRIFTS[drift]
    changed = copy.deepcopy(stack)
    alter(changed)
    assert any(said in one for one in problems(changed, variables(made)))
