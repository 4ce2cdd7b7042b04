"""`kubectl cocoon`: one sub-command per file of this package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cocoon.cli import digest, release
from cocoon.cli.failure import Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; the exit status is 0, or 1 with a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="kubectl cocoon", description="The fleet of confidential GPUs at a prompt.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (digest, release):
        command.register(commands)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except Failure as failure:
        print(f"kubectl cocoon: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
