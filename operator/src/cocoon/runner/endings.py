"""Why an attempt ends before its last item, and what that means for the job.

`Failed` ends the job: trying again elsewhere would end the same way. `Interrupted` is never paid, and the operator may
start another attempt.
"""

from __future__ import annotations

import re
from typing import Final

from cocoon.api.receipts import Outcome

INVALID_INPUT: Final = "InvalidInput"
INPUT_UNAVAILABLE: Final = "InputUnavailable"
DIGEST_MISMATCH: Final = "DigestMismatch"
OUTPUT_TOO_LARGE: Final = "OutputTooLarge"
OUTPUT_UNAVAILABLE: Final = "OutputUnavailable"
BUDGET_EXCEEDED: Final = "BudgetExceeded"
DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
ITEM_FAILED: Final = "ItemFailed"
SEALED_INVALID: Final = "SealedInvalid"
SEALED_FOR_ANOTHER: Final = "SealedForAnother"
SEALED_TO_LOST_KEY: Final = "SealedToLostKey"
KEY_REFUSED: Final = "KeyRefused"
KEYRING_UNAVAILABLE: Final = "KeyringUnavailable"
MODEL_UNAVAILABLE: Final = "ModelUnavailable"
TRITON_LOST: Final = "TritonLost"
CONTACT_LOST: Final = "ContactLost"
CANCELLED: Final = "Cancelled"
DRAINING: Final = "Draining"
SPOOL_UNAVAILABLE: Final = "SpoolUnavailable"
RUNNER_ERROR: Final = "RunnerError"

#: Outcomes after which the answers so far are handed over, and billed; after the others nothing is.
HANDED_OVER: Final = frozenset({BUDGET_EXCEEDED, DEADLINE_EXCEEDED, ITEM_FAILED, INVALID_INPUT, CANCELLED})
#: Ends whose sentence can hold what an item or its answer holds.
_TELLING: Final = frozenset({INVALID_INPUT, ITEM_FAILED, MODEL_UNAVAILABLE, TRITON_LOST, RUNNER_ERROR})


class Stopped(Exception):
    """The attempt ends here, with a constant in CamelCase and a sentence for the client."""

    def __init__(self, code: str, detail: str, outcome: Outcome = "Failed") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.outcome = code, detail, outcome


def discreet(ending: Stopped) -> Stopped:
    """The same end of a sealed job: whoever can read the job reads the sentence, so it tells a line at most."""
    if ending.code not in _TELLING:
        return ending
    line = re.search(r"\bline \d+", ending.detail)
    where = f" at {line[0]}" if line else ""
    detail = f"The attempt ended{where}. The job is sealed, so why is said in no message."
    return Stopped(ending.code, detail, ending.outcome)


def interrupted(code: str, detail: str) -> Stopped:
    """An end that is not the job's fault."""
    return Stopped(code, detail, "Interrupted")


def hands_over(ending: Stopped | None) -> bool:
    """Whether an attempt that ends so gives its answers away, and claims payment for them."""
    return ending is None or (ending.code in HANDED_OVER and ending.outcome != "Interrupted")
