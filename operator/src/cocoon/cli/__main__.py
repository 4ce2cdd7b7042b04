"""`kubectl cocoon`: the list of commands, and what becomes of what they can't do."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
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

_HELP: Final = (
    "The fleet of confidential GPUs at a prompt. It finds the cluster as kubectl does.\n\n"
    "Administrators and owners begin with status, clients with submit. If a job waits or has failed, why "
    "says what to do."
)
GROUP: Final = click.Group(
    "kubectl cocoon",
    commands={str(command.name): command for command in COMMANDS},
    help=_HELP,
    epilog="kubectl cocoon COMMAND --help says more.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
click.version_option(package_name="cocoon-fleet", message="%(prog)s %(version)s")(GROUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status (failure.MEANINGS), with a sentence on standard error unless it is 0."""
    try:
        status = GROUP.main(
            list(arguments) if arguments is not None else None,
            prog_name="kubectl cocoon",
            complete_var=completion.VARIABLE,
            standalone_mode=False,
        )
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except click.ClickException as error:
        error.show()
        return USAGE if isinstance(error, click.UsageError) else FAILED
    except (Failure, msgspec.ValidationError, OSError, UnicodeEncodeError) as error:
        screen.note(f"kubectl cocoon: {_sentence(error)}")
        _drop_the_rest()
        return error.status if isinstance(error, Failure) else FAILED
    return status if isinstance(status, int) else DONE


def _sentence(error: Exception) -> str:
    match error:
        case msgspec.ValidationError():
            return f"An object is of another release than this command ({error}): use that release's."
        case UnicodeEncodeError():
            return f"{error.object[:80]!a} is no text, or none that can be shown here: write it in UTF-8."
        case OSError():
            what = error.filename or "What was asked for"
            return f"{what} can't be read or written: {error.strerror or error}. Make room, or choose another place."
    return str(error)


def _drop_the_rest() -> None:
    """What a full disk did not take would fail once more as the process ends, with a traceback."""
    try:
        sys.stdout.flush()
    except (OSError, AttributeError):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
