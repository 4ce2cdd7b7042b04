"""Why an attempt ends before its last item, and what that means for the job.

`Failed` ends the job: trying again elsewhere would end the same way. `Interrupted` is never paid, and the operator may
start another attempt.
"""

from __future__ import annotations

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
SEALED_UNSUPPORTED: Final = "SealedUnsupported"
MODEL_UNAVAILABLE: Final = "ModelUnavailable"
TRITON_LOST: Final = "TritonLost"
CONTACT_LOST: Final = "ContactLost"
CANCELLED: Final = "Cancelled"
DRAINING: Final = "Draining"
SPOOL_UNAVAILABLE: Final = "SpoolUnavailable"
RUNNER_ERROR: Final = "RunnerError"

#: Outcomes after which the answers so far are handed over, and billed; after the others nothing is.
HANDED_OVER: Final = frozenset({BUDGET_EXCEEDED, DEADLINE_EXCEEDED, ITEM_FAILED, INVALID_INPUT, CANCELLED})


class Stopped(Exception):
    """The attempt ends here, with a constant in CamelCase and a sentence for the client."""

    def __init__(self, code: str, detail: str, outcome: Outcome = "Failed") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.outcome = code, detail, outcome


def interrupted(code: str, detail: str) -> Stopped:
    """An end that is not the job's fault."""
    return Stopped(code, detail, "Interrupted")


def hands_over(ending: Stopped | None) -> bool:
    """Whether an attempt that ends so gives its answers away, and claims payment for them."""
    return ending is None or (ending.code in HANDED_OVER and ending.outcome != "Interrupted")
