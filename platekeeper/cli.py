"""The command line: each command imports what it needs when it is given."""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from platekeeper.registry import NAMES, PAGES
from platekeeper_common import log


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command in a process of its own; the exit status."""
    log.configure()
    # Plates lie in what is written, in databases and their logs: for its owner alone.
    os.umask(0o077)
    return run(arguments)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Errors that the user can mend are one line on standard error."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="platekeeper", description="Licence plate data, kept as policy says.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run every service in this process, with the demonstration")
    run.add_argument("--empty", action="store_true", help="without the demonstration")
    run.set_defaults(command=_run)

    serve = commands.add_parser("serve", help="run one service in a process of its own, beside others")
    serve.add_argument("name", choices=(*NAMES, PAGES), metavar="NAME", help=f"{', '.join(NAMES)} or pages")
    what = "what it does for the service; given for each, by default both"
    serve.add_argument("--role", choices=("api", "worker"), action="append", dest="roles", help=what)
    serve.set_defaults(command=_serve)

    _add_stack(commands)

    policy = commands.add_parser("policy", help="policy profiles").add_subparsers(required=True, metavar="COMMAND")
    check = policy.add_parser("check", help="refuse unknown keys and missing sections, naming file and key")
    check.add_argument("folder", type=Path, nargs="?", default=Path("policies"))
    check.set_defaults(command=_policy_check)
    _add_matrix(policy.add_parser("matrix", help="each clause for each department, and the tests that prove it"))

    _add_audit(commands)
    dlq = commands.add_parser("dlq", help="events that a service could not handle")
    dlq.add_argument("--url", default=_url(), help="the running platform")
    dlq.add_argument("--username", default="admin")
    acts = dlq.add_subparsers(required=True, metavar="COMMAND")
    listed = acts.add_parser("list", help="the newest dead letters of every service, or of one")
    listed.add_argument("service", nargs="?")
    listed.set_defaults(command=_dlq, act="list")
    for act, what in (("show", "one dead letter"), ("retry", "give the event to its handler once more")):
        one = acts.add_parser(act, help=what)
        one.add_argument("service")
        one.add_argument("id")
        one.set_defaults(command=_dlq, act=act)

    _add_backup(commands.add_parser("backup", help="everything but the keys, in one file that its recipients open"))
    _add_gateway(commands.add_parser("gateway", help="HAProxy in front of the services"))
    _add_hotlist(commands.add_parser("hotlist", help="hot lists"))
    _add_bench(commands.add_parser("bench", help="measurements on data of your own"))
    return parser


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    audit = commands.add_parser("audit", help="proofs of access records").add_subparsers(
        required=True, metavar="COMMAND"
    )
    verify = audit.add_parser("verify", help="check an export or a bundle against signed checkpoints, offline")
    verify.add_argument("--leaves", type=Path, metavar="FILE", help="what /v1/access-records/leaves gave")
    verify.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="a copy of var/checkpoints")
    verify.add_argument("--bundle", type=Path, metavar="FILE.zip", help="instead of both: what `audit bundle` made")
    verify.add_argument("--key", metavar="VKEY", help="the verifier key that you were given: name+hash+key")
    what = "a witness that must have cosigned the last checkpoint; given for each"
    verify.add_argument("--witness", action="append", default=[], dest="witnesses", metavar="VKEY", help=what)
    verify.add_argument("--witnesses-needed", type=int, metavar="N", help="how many of them; all when left out")
    verify.set_defaults(command=_audit_verify)

    what = "carry the records of a period away for an outside auditor: CSV, JSON, PDF, and what proves them"
    bundle = audit.add_parser("bundle", help=what, description=what.capitalize())
    bundle.add_argument("--from", dest="start", required=True, metavar="DATE", help="or a moment with its time zone")
    bundle.add_argument("--to", dest="end", required=True, metavar="DATE", help="before it")
    bundle.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
    bundle.add_argument("--url", default=_url(), help="the running platform")
    bundle.add_argument("--username", required=True, help="an auditor's or an administrator's")
    bundle.set_defaults(command=_audit_bundle)

    what = "watch the logs of others: cosign what continues what was seen, and nothing else"
    witness = commands.add_parser("witness", help=what, description=what.capitalize())
    witness.add_argument("--folder", type=Path, required=True, help="of its key, and of what it has seen")
    witness.add_argument("--name", required=True, help="a host name of yours and a path, without scheme")
    what = "the verifier key of a log to watch; given for each"
    witness.add_argument("--log", action="append", default=[], dest="logs", metavar="VKEY", help=what)
    witness.add_argument("--listen", default="127.0.0.1:8450", metavar="HOST:PORT", help="behind TLS of yours")
    witness.add_argument("--show-key", action="store_true", help="print the verifier key and end")
    witness.set_defaults(command=_witness)


def _add_stack(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    migrate = commands.add_parser("migrate", help="bring databases and topics to what this version needs")
    what = "passwords by role (JSON), for the roles of the services in PostgreSQL"
    migrate.add_argument("--passwords", type=Path, metavar="FILE", help=what)
    migrate.set_defaults(command=_migrate)
    administrator = commands.add_parser("administrator", help="make the first administrator; prints his password once")
    administrator.set_defaults(command=_administrator)
    up = commands.add_parser("up", help="the full stack on this machine: engines, gateway, each service a process")
    up.add_argument("--free-ports", action="store_true", help="on any free ports instead of those of the settings")
    up.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)
    up.set_defaults(command=_stack, act="up")
    for act, what in (("down", "stop the full stack"), ("ps", "how the full stack stands")):
        commands.add_parser(act, help=what).set_defaults(command=_stack, act=act)


def _add_gateway(gateway: argparse.ArgumentParser) -> None:
    acts = gateway.add_subparsers(required=True, metavar="COMMAND")
    render = acts.add_parser("render", help="print haproxy.cfg")
    render.add_argument("--cluster", action="store_true", help="as deploy/gateway/haproxy.cfg has it, all by default")
    run = acts.add_parser("run", help="run HAProxy and keep its keys those of accounts")
    keys = acts.add_parser("keys", help="keep the keys of a HAProxy that is run elsewhere over the same folder")
    keys.add_argument("--once", action="store_true", help="write them once and end")
    for act, parser in (("render", render), ("run", run), ("keys", keys)):
        where = "where a service answers, instead of by PLATEKEEPER_NEIGHBOURS"
        parser.add_argument("--at", action="append", default=[], metavar="NAME=HOST:PORT[,HOST:PORT]", help=where)
        parser.set_defaults(command=_gateway, act=act)


def _add_hotlist(hotlist: argparse.ArgumentParser) -> None:
    acts = hotlist.add_subparsers(required=True, metavar="COMMAND")
    what = "take a CSV file into a hot list and tell every refused row"
    one = acts.add_parser("import", help=what, description=what.capitalize())
    one.add_argument("file", type=Path, metavar="FILE", help="UTF-8; the first line names the columns")
    one.add_argument("--list", required=True, dest="hotlist", metavar="LIST", help="the list's id or name")
    one.add_argument("--mode", choices=("add", "replace"), default="add", help="replace: the list becomes the file")
    one.add_argument("--category", default="other", help="of rows that name none")
    one.add_argument("--incident", help="of rows that name none")
    one.add_argument("--reason", help="of rows that give none")
    one.add_argument("--purpose", required=True, help="what the list is for, by the agency's policy")
    one.add_argument("--matter-type", required=True)
    one.add_argument("--matter-number")
    one.add_argument("--url", default=_url(), help="the running platform")
    one.add_argument("--username", required=True)
    one.set_defaults(command=_hotlist_import)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    measures = bench.add_subparsers(required=True, metavar="COMMAND")
    what = "score an engine on labelled pictures"
    one = measures.add_parser("recognition", help=what, description=what.capitalize())
    one.add_argument("--data", type=Path, required=True, metavar="DIR", help="pictures beside a labels.csv")
    one.add_argument("--engine", help="instead of the one that PLATEKEEPER_RECOGNITION_ENGINE names")
    one.add_argument("--regions", help="whose plates to expect (`us,br`, or `none`); otherwise DIR's name says (`-us`)")
    one.add_argument("--json", type=Path, metavar="FILE", help="write what was read in every picture")
    one.add_argument("--misses", type=Path, metavar="FILE", help="draw the plates not read exactly on a sheet (PNG)")
    one.set_defaults(command=_bench_recognition)


def _url() -> str:
    """Where `platekeeper run` serves with the same settings."""
    return f"http://127.0.0.1:{os.environ.get('PLATEKEEPER_PORT', '8080')}"


def _run(options: argparse.Namespace) -> int:
    from platekeeper.run import run

    return _await(run(demonstration=not options.empty))


def _serve(options: argparse.Namespace) -> int:
    from platekeeper import serve

    return _await(serve.run(options.name, frozenset(options.roles or ("api", "worker"))))


def _migrate(options: argparse.Namespace) -> int:
    from platekeeper import migrating

    return migrating.migrate_all(options.passwords)


def _administrator(_options: argparse.Namespace) -> int:
    from platekeeper import migrating

    return _await(migrating.run_administrator())


def _stack(options: argparse.Namespace) -> int:
    from platekeeper.stack import up
    from platekeeper.stack.settings import UpSettings
    from platekeeper_common import settings as environment

    try:
        settings, var = environment.load(UpSettings), environment.load(environment.Settings).var.absolute()
    except environment.SettingsError as error:
        print(f"platekeeper: {error}", file=sys.stderr)
        return 1
    if options.act == "down":
        return up.down(var)
    if options.act == "ps":
        return up.ps(var)
    start = up.supervise if options.supervise else up.up
    return start(var, settings, free=options.free_ports)


def _gateway(options: argparse.Namespace) -> int:
    from platekeeper.gateway import run as gateway

    at = {name: places.split(",") for name, _, places in (one.partition("=") for one in options.at)}
    if options.act == "render":
        return gateway.render(at, cluster=options.cluster)
    if options.act == "keys":
        return gateway.keep_keys(at, once=options.once)
    return gateway.run(at)


def _add_backup(backup: argparse.ArgumentParser) -> None:
    backup.add_argument(
        "--to", type=Path, metavar="FOLDER", help="where the backup goes; those too old are deleted there"
    )
    who = "an age recipient (age1...) who can open it; may be given several times"
    backup.add_argument("--recipient", action="append", default=[], metavar="KEY", help=who)
    identity = "write a new age identity to FILE and print its recipient"
    backup.add_argument("--new-identity", type=Path, metavar="FILE", help=identity)
    bucket = "also the objects that lie in a bucket: as large as the bucket is"
    backup.add_argument("--objects", action="store_true", help=bucket)
    backup.set_defaults(command=_backup, parser=backup)


def _backup(options: argparse.Namespace) -> int:
    from platekeeper import backup

    if options.new_identity is None and (options.to is None or not options.recipient):
        options.parser.error("give --to FOLDER and at least one --recipient, or --new-identity FILE")
    if options.to is not None and not options.recipient:
        options.parser.error("--to needs at least one --recipient: nothing is written that anybody can read")
    return backup.run(options.to, options.recipient, options.new_identity, objects=options.objects)


def _add_matrix(matrix: argparse.ArgumentParser) -> None:
    matrix.add_argument("folder", type=Path, nargs="?", default=Path("policies"))
    matrix.add_argument("--results", type=Path, metavar="FILE", help="what a test run left; by default the last one's")
    form = matrix.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of cells instead of a table")
    form.add_argument("--html", type=Path, metavar="FILE", help="a page instead of a table")
    form.add_argument("--check", action="store_true", help="only what finished groups lack; fails when they lack any")
    matrix.set_defaults(command=_policy_matrix)


def _policy_matrix(options: argparse.Namespace) -> int:
    from platekeeper import matrix
    from platekeeper_common import clauses

    try:
        table = clauses.load(options.folder / clauses.FILE)
        found = matrix.cells(table, matrix.read_results(options.results or matrix.RESULTS))
    except (clauses.ClauseError, matrix.NoResults) as error:
        print(error, file=sys.stderr)
        return 1
    names = matrix.departments(table)
    if options.check:
        return _matrix_check(matrix.unproved(found), f"groups {', '.join(matrix.FINISHED)}: every cell is proved")
    if options.html:
        options.html.write_text(matrix.as_html(table, names, found), "utf-8")
    else:
        print(matrix.as_json(found) if options.json else matrix.as_text(table, names, found))
    return 0


def _matrix_check(lacking: list[str], fine: str) -> int:
    for line in lacking:
        print(line, file=sys.stderr)
    print(f"{len(lacking)} cells of finished groups are not proved" if lacking else fine)
    return 1 if lacking else 0


def _policy_check(options: argparse.Namespace) -> int:
    from platekeeper.registry import SECTIONS
    from platekeeper_common.policy import check

    problems = check(options.folder, SECTIONS)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"every profile in {options.folder} can be used")
    return 1 if problems else 0


def _audit_verify(options: argparse.Namespace) -> int:
    from platekeeper import auditing

    asked = auditing.Asked(
        leaves=options.leaves,
        checkpoints=options.checkpoints,
        bundle=options.bundle,
        key=options.key,
        witnesses=options.witnesses,
        needed=options.witnesses_needed,
    )
    return auditing.verify(asked)


def _audit_bundle(options: argparse.Namespace) -> int:
    from platekeeper.bundle import make

    names = ("url", "username", "start", "end", "out")
    return _await(make.run(make.Asked(**{name: getattr(options, name) for name in names})))


def _witness(options: argparse.Namespace) -> int:
    from platekeeper.witness import server

    return server.run(options.folder, options.name, options.logs, options.listen, show=options.show_key)


def _dlq(options: argparse.Namespace) -> int:
    from platekeeper import dlq

    return _await(dlq.run(options.url, options.username, options.act, options.service, getattr(options, "id", None)))


def _hotlist_import(options: argparse.Namespace) -> int:
    from platekeeper import hotlists

    names = ("mode", "category", "incident", "reason", "purpose", "matter_type", "matter_number")
    parameters = {name: value for name in names if (value := getattr(options, name)) is not None}
    asked = hotlists.Asked(
        url=options.url,
        username=options.username,
        file=options.file,
        hotlist=options.hotlist,
        parameters=parameters,
    )
    return _await(hotlists.run(asked))


def _bench_recognition(options: argparse.Namespace) -> int:
    from platekeeper.bench import recognition

    asked = recognition.Asked(options.data, options.engine, options.regions, options.json, options.misses)
    try:
        return recognition.run(asked)
    except KeyboardInterrupt:
        return 130


def _await(command: Awaitable[int]) -> int:
    async def awaited() -> int:
        return await command

    import uvloop

    try:
        return uvloop.run(awaited())
    except KeyboardInterrupt:
        return 130
