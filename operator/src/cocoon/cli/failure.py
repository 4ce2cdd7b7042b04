"""Why a command could not do what was asked, and what its exit status says of that."""

from __future__ import annotations

from typing import Final

#: Done.
DONE: Final = 0
#: It could not be done; a sentence on standard error says why.
FAILED: Final = 1
#: The command line itself is wrong.
USAGE: Final = 2
#: The work that was asked about failed, or something needs attention.
BAD_NEWS: Final = 3
#: What was waited for has not happened yet.
NOT_YET: Final = 4
#: There is no such thing.
MISSING: Final = 5
#: The cluster or the payout service can't be reached, or does not answer in time.
UNREACHABLE: Final = 6
#: It is reached, and says that this user may not.
FORBIDDEN: Final = 7
#: `verify` found nothing wrong, but what everything rests on could not be checked.
UNDECIDED: Final = 8

MEANINGS: Final = {
    DONE: "done",
    FAILED: "it could not be done; a sentence on standard error says what happened and what to do; or (`verify`) "
    "something about the receipt is wrong",
    USAGE: "the command line itself is wrong",
    BAD_NEWS: "it was asked about, and it is bad: the job failed, or (`status --check`) something needs attention",
    NOT_YET: "what was waited for has not happened within `--timeout`, or the job is not finished yet",
    MISSING: "there is no such object, or Cocoon Fleet is not installed in this cluster",
    UNREACHABLE: "the cluster or the payout service can't be reached",
    FORBIDDEN: "the cluster or the payout service refuses it to this user",
    UNDECIDED: "(`verify`) nothing was found wrong, but signature or evidence (with `--strict`: any line) could not be "
    "checked",
    130: "interrupted",
}


class Failure(Exception):
    """A whole sentence for the person at the prompt: what happened, to what, why, and what to do."""

    status = FAILED

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status or self.status


class Missing(Failure):
    """There is no such thing."""

    status = MISSING


class Unreachable(Failure):
    """Nobody answers."""

    status = UNREACHABLE


class Forbidden(Failure):
    """This user may not."""

    status = FORBIDDEN


class NotKnown(Failure):
    """Nobody knows who this user is, so that asking for less is of no use."""

    status = FORBIDDEN
