"""The command line: `python -m demo up|down`."""

import argparse
import os
import sys
from collections.abc import Sequence

from demo.cluster import DemoCluster
from demo.errors import DemoError
from demo.screen import Screen
from devcluster.host import NODE_ADDRESS
from devcluster.s3 import ADDRESS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    asked = _parser().parse_args(arguments)
    _reach_the_cluster_directly()
    try:
        return int(asked.run(DemoCluster(asked.cluster), Screen()))
    except DemoError as error:
        sys.stderr.write(f"\ndemo: {error}\n" + "".join(f"  try: {line}\n" for line in error.advice))
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ndemo: stopped. `make demo` goes on from here, `make demo-down` takes it away.\n")
        return 130


def _reach_the_cluster_directly() -> None:
    """A proxy that this machine needs for the world can't lead to a cluster that is on the machine itself."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", NODE_ADDRESS, ADDRESS]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description="The whole product on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (("up", _up, "run it"), ("down", _down, "take it away")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--cluster", default="dev", help="the devcluster to use (default: dev)")
        command.set_defaults(run=run)
    return parser


def _up(cluster: DemoCluster, screen: Screen) -> int:
    from demo.up import up  # noqa: PLC0415 - needs the virtual environment, which `down` does without

    return up(cluster, screen)


def _down(cluster: DemoCluster, screen: Screen) -> int:
    from demo.down import down  # noqa: PLC0415 - see above

    return down(cluster, screen)


if __name__ == "__main__":
    sys.exit(main())
