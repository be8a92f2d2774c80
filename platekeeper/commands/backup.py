"""`backup` and `restore`: everything but the keys, in one file, and back."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands


def add(commands: Commands) -> None:
    """To the command line."""
    backup = commands.add_parser("backup", help="everything but the keys, in one file that its recipients open")
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

    restore = commands.add_parser("restore", help="what a backup holds, put where nothing is kept yet")
    restore.add_argument("file", type=Path, metavar="FILE", help="the backup (platekeeper-....tar.age)")
    opens = "the age identity that opens it"
    restore.add_argument("--identity", type=Path, metavar="FILE", required=True, help=opens)
    what = "passwords by role (JSON), for the roles of the services in PostgreSQL"
    restore.add_argument("--passwords", type=Path, metavar="FILE", help=what)
    restore.set_defaults(command=_restore)


def _backup(options: argparse.Namespace) -> int:
    from platekeeper import backup

    if options.new_identity is None and (options.to is None or not options.recipient):
        options.parser.error("give --to FOLDER and at least one --recipient, or --new-identity FILE")
    if options.to is not None and not options.recipient:
        options.parser.error("--to needs at least one --recipient: nothing is written that anybody can read")
    return backup.run(options.to, options.recipient, options.new_identity, objects=options.objects)


def _restore(options: argparse.Namespace) -> int:
    from platekeeper import restoring

    return restoring.run(options.file, options.identity, options.passwords)
