"""`gateway`: HAProxy in front of the services."""

import argparse

from platekeeper.commands.group import Commands


def add(commands: Commands) -> None:
    """To the command line."""
    gateway = commands.add_parser("gateway", help="HAProxy in front of the services")
    acts = gateway.add_subparsers(required=True, metavar="COMMAND")
    render = acts.add_parser("render", help="print haproxy.cfg")
    render.add_argument("--cluster", action="store_true", help="as deploy/gateway/haproxy.cfg has it, all by default")
    run = acts.add_parser("run", help="run HAProxy and keep its keys those of accounts")
    keys = acts.add_parser("keys", help="keep the keys of a HAProxy that is run elsewhere over the same folder")
    keys.add_argument("--once", action="store_true", help="write them once and end; fails when there are none in time")
    for act, parser in (("render", render), ("run", run), ("keys", keys)):
        where = "where a service answers, instead of by PLATEKEEPER_NEIGHBOURS"
        parser.add_argument("--at", action="append", default=[], metavar="NAME=HOST:PORT[,HOST:PORT]", help=where)
        parser.set_defaults(command=_gateway, act=act)


def _gateway(options: argparse.Namespace) -> int:
    from platekeeper.gateway import run as gateway

    at = {name: places.split(",") for name, _, places in (one.partition("=") for one in options.at)}
    if options.act == "render":
        return gateway.render(at, cluster=options.cluster)
    if options.act == "keys":
        return gateway.keep_keys(at, once=options.once)
    return gateway.run(at)
