"""`python -m chaos`: a campaign from the command line."""

import argparse
import asyncio
import secrets
import sys

from chaos.campaign import Asked, run


def main() -> int:
    """Run one campaign; the exit status."""
    parser = argparse.ArgumentParser(prog="chaos", description="kill -9 at random moments, then count.")
    parser.add_argument("--faults", type=int, default=Asked.faults, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, help="of the plan of faults; drawn and said when not given")
    parser.add_argument("--minutes", type=float, default=Asked.minutes, help="at most, all in all (%(default)s)")
    what = "between two faults, on the average (%(default)s)"
    parser.add_argument("--every", type=float, default=Asked.mean_seconds, metavar="SECONDS", help=what)
    parser.add_argument("--reads", type=float, default=Asked.reads_a_second, help="edge reads a second (%(default)s)")
    parser.add_argument(
        "--frame-every", type=float, default=Asked.frame_seconds, metavar="SECONDS", help="(%(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder of the stack, logs and all")
    given = parser.parse_args()
    asked = Asked(
        seed=secrets.randbelow(1_000_000) if given.seed is None else given.seed,
        faults=given.faults,
        minutes=given.minutes,
        mean_seconds=given.every,
        reads_a_second=given.reads,
        frame_seconds=given.frame_every,
        keep=given.keep,
    )
    return asyncio.run(run(asked))


if __name__ == "__main__":
    sys.exit(main())
