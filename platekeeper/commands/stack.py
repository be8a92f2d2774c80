"""`up`, `down` and `ps`: the full stack on this machine."""

import argparse
import sys

from platekeeper.commands.group import Commands


def add(commands: Commands) -> None:
    """To the command line."""
    up = commands.add_parser("up", help="the full stack on this machine: engines, gateway, each service a process")
    up.add_argument("--free-ports", action="store_true", help="on any free ports instead of those of the settings")
    up.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)
    up.set_defaults(command=_stack, act="up")
    for act, what in (("down", "stop the full stack"), ("ps", "how the full stack stands")):
        commands.add_parser(act, help=what).set_defaults(command=_stack, act=act)


def _stack(options: argparse.Namespace) -> int:
    from platekeeper.stack import up
    from platekeeper.stack.plan import demand_known
    from platekeeper.stack.settings import UpSettings
    from platekeeper_common import settings as environment

    try:
        settings, var = environment.load(UpSettings), environment.load(environment.Settings).var.absolute()
        if options.act == "up":
            demand_known(settings)
    except environment.SettingsError as error:
        print(f"platekeeper: {error}", file=sys.stderr)
        return 1
    if options.act == "down":
        return up.down(var)
    if options.act == "ps":
        return up.ps(var)
    start = up.supervise if options.supervise else up.up
    return start(var, settings, free=options.free_ports)
