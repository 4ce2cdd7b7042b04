"""`kubectl cocoon`: the list of commands, and what becomes of what they can't do."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Final

import click
import msgspec

from cocoon.cli import (
    collateral,
    completion,
    digest,
    earnings,
    operation,
    output,
    payouts,
    release,
    screen,
    seal,
    status,
    submit,
    verify,
    why,
)
from cocoon.cli import open as opening
from cocoon.cli.failure import DONE, FAILED, USAGE, Failure

COMMANDS: Final[tuple[click.Command, ...]] = (
    status.command,
    why.command,
    submit.command,
    output.command,
    earnings.command,
    payouts.command,
    operation.drain,
    operation.hold,
    operation.resume,
    release.command,
    seal.command,
    opening.command,
    verify.command,
    collateral.command,
    digest.command,
    completion.command,
)

GROUP: Final = click.Group(
    "kubectl cocoon",
    commands={str(command.name): command for command in COMMANDS},
    help="The fleet of confidential GPUs at a prompt. It finds the cluster as kubectl does.\n\n"
    "Administrators and owners begin with status, clients with submit. If a job waits or has failed, why says what to "
    "do.",
    epilog="kubectl cocoon COMMAND --help says more.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status (failure.MEANINGS), with a sentence on standard error unless it is 0."""
    try:
        status = GROUP.main(
            list(arguments) if arguments is not None else None,
            prog_name="kubectl cocoon",
            complete_var=completion.VARIABLE,
            standalone_mode=False,
        )
    except Failure as failure:
        screen.note(f"kubectl cocoon: {failure}")
        return failure.status
    except msgspec.ValidationError as error:
        screen.note(f"kubectl cocoon: An object is of another release than this command ({error}): use that release's.")
        return FAILED
    except click.ClickException as error:
        error.show()
        return USAGE if isinstance(error, click.UsageError) else FAILED
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    return status if isinstance(status, int) else DONE


if __name__ == "__main__":
    sys.exit(main())
