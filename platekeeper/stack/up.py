"""`platekeeper up`, `down` and `ps`: the full stack on this machine, in the background, under `var/up`."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from platekeeper.registry import ENTRIES
from platekeeper.stack import postgresql, state
from platekeeper.stack.kafka import Broker
from platekeeper.stack.plan import DATABASE, HOST, STAGES, Plan, Planned, Ports, plan
from platekeeper.stack.ports import answers
from platekeeper.stack.process import Process
from platekeeper.stack.settings import UpSettings
from platekeeper.stack.state import State
from platekeeper.stack.supervisor import Kept, Program, Supervisor, opens, tells

PROGRAM = Path(sys.executable).with_name("platekeeper")
UP_SECONDS = 300.0
DOWN_SECONDS = 90.0
LOOK_SECONDS = 0.2
AUTHORITY = "ca.pem"
SYSTEM = Path("/var/lib/platekeeper")
"""Where the database lies when its own user cannot reach the folder that the stack was given."""


def say(line: str) -> None:
    """One line for the person at the terminal."""
    print(line, flush=True)  # noqa: T201


def up(var: Path, settings: UpSettings, *, free: bool) -> int:
    """Start the stack in the background and tell of it; the exit status."""
    folder = _folder(var)
    there = State.read(var)
    if there is not None and there.alive:
        say("it is up already")
        return _tell(there)
    if there is not None and (ended := state.end_leftovers(there.members)):
        say(f"ended what an earlier supervisor left: {', '.join(ended)}")
    if not free and (taken := _taken(settings)):
        say(f"platekeeper: {taken}")
        return 1
    (folder / state.FILE).unlink(missing_ok=True)
    words = [str(PROGRAM), "up", "--supervise", *(["--free-ports"] if free else [])]
    supervisor = Process("supervisor", words, folder / "log" / "supervisor.log")
    supervisor.start()
    say(f"starting; logs are in {folder / 'log'}")
    return _until_up(var, supervisor)


def _until_up(var: Path, supervisor: Process) -> int:
    deadline = time.monotonic() + UP_SECONDS
    ready: set[str] = set()
    while time.monotonic() < deadline:
        now = State.read(var)
        if now is not None:
            for member in now.members:
                if member.ready and member.name not in ready:
                    say(f"  {member.name} is ready")
                    ready.add(member.name)
            if now.course == "up":
                return _tell(now, administrator=_administrator(var))
            if now.course.startswith("failed"):
                say(f"platekeeper: {now.course}")
                return 1
        if not supervisor.alive:
            say(f"platekeeper: the supervisor ended:\n{supervisor.last_lines()}")
            return 1
        time.sleep(LOOK_SECONDS)
    waits = [f"{one.name}: {one.note}" for one in now.members if not one.ready] if now else []
    say("platekeeper: not up in time; " + "; ".join(waits))
    return 1


def down(var: Path) -> int:
    """Stop everything and return when nothing is left; the exit status."""
    there = State.read(var)
    if there is None or not there.alive:
        left = state.end_leftovers(there.members) if there else []
        say(f"ended what was left: {', '.join(left)}" if left else "it is not up")
        return 0
    os.kill(there.pid, 15)
    deadline = time.monotonic() + DOWN_SECONDS
    while there.alive and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    if there.alive:
        say("platekeeper: the supervisor does not end; see its log")
        return 1
    left = state.end_leftovers((State.read(var) or there).members)
    say("down; what was kept stays" + (f" (killed: {', '.join(left)})" if left else ""))
    return 0


def ps(var: Path) -> int:
    """Tell how the stack stands; 0 when it is up."""
    there = State.read(var)
    if there is None or not there.alive:
        say("it is not up")
        return 3
    return _tell(there)


def supervise(var: Path, settings: UpSettings, *, free: bool) -> int:
    """Be the supervisor, until told to stop; the exit status."""
    folder = _folder(var)
    try:
        lock = FileLock(folder / "lock", timeout=0)
        with lock:
            return _supervise(var, folder, _free(settings) if free else settings)
    except Timeout:
        print(f"another supervisor works in {folder}", file=sys.stderr)  # noqa: T201
        return 1


def _supervise(var: Path, folder: Path, settings: UpSettings) -> int:
    own = State(os.getpid(), state.born(os.getpid()))
    supervisor = Supervisor(var, own)
    supervisor.listen()
    (folder / "pid").write_text(f"{os.getpid()}\n")
    supervisor.put_down()
    broker, server, ports = _engines(var, folder, Ports.of(settings))
    own.door, own.authority = f"https://{HOST}:{ports.door}", str((folder / "gateway" / AUTHORITY).absolute())
    try:
        supervisor.begin(
            [
                Kept("postgresql", "", ports.postgresql, server, opens(ports.postgresql)),
                Kept("kafka", "", ports.kafka, broker, opens(ports.kafka)),
            ]
        )
        whole = _plan(var, folder, settings, ports, broker, server)
        if not supervisor.told.is_set():
            _once(folder, "migrate", whole)
        for stage in STAGES:
            kept = [_kept(folder, planned) for planned in whole.processes if planned.stage == stage]
            if not supervisor.told.is_set():
                supervisor.begin(kept)
        if not supervisor.told.is_set():
            supervisor.say("up")
        supervisor.told.wait()
        supervisor.say("stopping")
    except (RuntimeError, OSError) as error:
        supervisor.end()
        supervisor.say(f"failed: {error}")
        return 1
    supervisor.end()
    supervisor.say("stopped")
    (folder / "pid").unlink(missing_ok=True)
    return 0


def _engines(var: Path, folder: Path, ports: Ports) -> tuple[Broker, postgresql.Server, Ports]:
    """Broker and database; the broker keeps the port that its data began with."""
    begun = (folder / "kafka" / "server.properties").exists()
    broker = Broker(folder / "kafka", port=None if begun else ports.kafka)
    server = postgresql.Server(_place_of_database(var, folder), ports.postgresql)
    for name, log in (("kafka", broker.process.log), ("postgresql", server.folder / "log")):
        link = folder / "log" / f"{name}.log"
        link.unlink(missing_ok=True)
        link.symlink_to(log.absolute())
    return broker, server, replace(ports, kafka=broker.port)


def _plan(
    var: Path, folder: Path, settings: UpSettings, ports: Ports, broker: Broker, server: postgresql.Server
) -> Plan:
    passwords = _passwords(folder)
    whole = plan(var, settings, ports, bus=broker.url, secrets=passwords, administrator=server.url(DATABASE))
    _keep_secret(folder / "commands.json", json.dumps(whole.commands))
    return whole


def _once(folder: Path, command: str, whole: Plan) -> None:
    """Run a command of ours to its end. Raises RuntimeError with what it said."""
    words: list[str | Path] = [PROGRAM, command, "--passwords", folder / "passwords.json"]
    process = Process(command, words, folder / "log" / f"{command}.log", whole.commands[command])
    process.start()
    assert process.started is not None  # noqa: S101 - just now
    if process.started.wait():
        raise RuntimeError(f"{command}: {process.last_lines()}")


def _kept(folder: Path, planned: Planned) -> Kept:
    log = folder / "log" / f"{planned.name}.log"
    process = Process(planned.name, [PROGRAM, *planned.arguments], log, planned.environment)
    ready = tells(planned.port, planned.probe) if planned.probe else opens(planned.port)
    return Kept(planned.name, planned.role, planned.port, Program(process), ready)


def _administrator(var: Path) -> str:
    """What the command says of the first administrator; a password it says only the first time."""
    commands: Mapping[str, Mapping[str, str]] = json.loads((var / state.FOLDER / "commands.json").read_text())
    told = subprocess.run(  # noqa: S603 - a command of our own
        [PROGRAM, "administrator"],
        env={**os.environ, **commands["administrator"], "PLATEKEEPER_LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or f"no word of the first administrator: {told.stderr.strip()}"


def _tell(there: State, administrator: str = "") -> int:
    say("")
    say(there.table())
    say("")
    say(f"{there.course}: the door is {there.door}; its authority: {there.authority}")
    if administrator:
        say(administrator)
    return 0 if there.course == "up" and all(member.ready for member in there.members) else 2


def _folder(var: Path) -> Path:
    """`var/up`. Others may pass through, for the database runs as a user of its own; what lies there is not theirs."""
    folder = var / state.FOLDER
    for place in (var, folder, folder / "log"):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        for place in (var, folder):
            place.chmod(0o711)
    return folder


def _place_of_database(var: Path, folder: Path) -> Path:
    """`var/up/postgresql`, or, where the database's own user cannot get there, a folder of the system's."""
    place = folder / "postgresql"
    if os.geteuid() != 0 or place.exists():
        return place
    postgresql.install()
    test = ["/usr/bin/test", "-x", str(folder.absolute())]
    own = {"user": postgresql.USER, "group": postgresql.USER, "extra_groups": []}
    if subprocess.run(test, check=False, cwd="/", **own).returncode:  # type: ignore[call-overload]  # noqa: S603
        system = SYSTEM / str(var.absolute()).strip("/").replace("/", "-")
        for step in (SYSTEM, system):
            step.mkdir(parents=True, exist_ok=True)
            step.chmod(0o755)  # whatever our umask says: the database's user must get through
        return system / "postgresql"
    return place


def _passwords(folder: Path) -> dict[str, str]:
    """A password for every role of every service, made once."""
    path = folder / "passwords.json"
    known: dict[str, str] = {}
    with suppress(FileNotFoundError):
        known = json.loads(path.read_text())
    names = [entry.name for entry in ENTRIES]
    roles = [*names, *(f"{name}_{role}" for name in names for role in ("api", "worker"))]
    passwords = {role: known.get(role) or secrets.token_hex(16) for role in roles}
    if passwords != known:
        _keep_secret(path, json.dumps(passwords))
    return passwords


def _keep_secret(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.rename(path)


def _free(settings: UpSettings) -> UpSettings:
    """The settings with every port free."""
    return settings.model_copy(update=dict.fromkeys(("door", "gateway_figures", "kafka", "postgresql", "services"), 0))


def _taken(settings: UpSettings) -> str | None:
    """Which port of the settings somebody else has."""
    named = {name: getattr(settings, name) for name in ("door", "kafka", "postgresql", "services")}
    for name, port in named.items():
        if port and answers(port):
            return f"port {port} is taken: PLATEKEEPER_UP_{name.upper()} chooses another, `--free-ports` any"
    return None
