"""`audit verify`, `audit bundle` and `witness`: proofs of access records, for whoever checks them."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands, add_url, awaited


def add(commands: Commands) -> None:
    """To the command line."""
    audit = commands.add_parser("audit", help="proofs of access records").add_subparsers(
        required=True, metavar="COMMAND"
    )
    _add_verify(audit)
    _add_bundle(audit)
    _add_witness(commands)


def _add_verify(audit: Commands) -> None:
    verify = audit.add_parser("verify", help="check an export or a bundle against signed checkpoints, offline")
    verify.add_argument("--leaves", type=Path, metavar="FILE", help="what /v1/access-records/leaves gave")
    verify.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="a copy of var/checkpoints")
    verify.add_argument("--bundle", type=Path, metavar="FILE.zip", help="instead of both: what `audit bundle` made")
    verify.add_argument("--key", metavar="VKEY", help="the verifier key that you were given: name+hash+key")
    what = "a witness that must have cosigned the last checkpoint; given for each"
    verify.add_argument("--witness", action="append", default=[], dest="witnesses", metavar="VKEY", help=what)
    verify.add_argument("--witnesses-needed", type=int, metavar="N", help="how many of them; all when left out")
    verify.set_defaults(command=_verify)


def _add_bundle(audit: Commands) -> None:
    what = "carry the records of a period away for an outside auditor: CSV, JSON, PDF, and what proves them"
    bundle = audit.add_parser("bundle", help=what, description=what.capitalize())
    bundle.add_argument("--from", dest="start", required=True, metavar="DATE", help="or a moment with its time zone")
    bundle.add_argument("--to", dest="end", required=True, metavar="DATE", help="before it")
    bundle.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
    add_url(bundle)
    bundle.add_argument("--username", required=True, help="an auditor's or an administrator's")
    bundle.set_defaults(command=_bundle)


def _add_witness(commands: Commands) -> None:
    what = "watch the logs of others: cosign what continues what was seen, and nothing else"
    witness = commands.add_parser("witness", help=what, description=what.capitalize())
    witness.add_argument("--folder", type=Path, required=True, help="of its key, and of what it has seen")
    witness.add_argument("--name", required=True, help="a host name of yours and a path, without scheme")
    what = "the verifier key of a log to watch; given for each"
    witness.add_argument("--log", action="append", default=[], dest="logs", metavar="VKEY", help=what)
    witness.add_argument("--listen", default="127.0.0.1:8450", metavar="HOST:PORT", help="behind TLS of yours")
    witness.add_argument("--show-key", action="store_true", help="print the verifier key and end")
    witness.set_defaults(command=_witness)


def _verify(options: argparse.Namespace) -> int:
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


def _bundle(options: argparse.Namespace) -> int:
    from platekeeper.bundle import make

    names = ("url", "ca", "username", "start", "end", "out")
    return awaited(make.run(make.Asked(**{name: getattr(options, name) for name in names})))


def _witness(options: argparse.Namespace) -> int:
    from platekeeper.witness import server

    return server.run(options.folder, options.name, options.logs, options.listen, show=options.show_key)
