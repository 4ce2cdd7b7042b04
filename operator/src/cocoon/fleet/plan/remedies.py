"""What a client can do about a job that failed: the second half of what its condition `Stalled` says.

Runners give some of the reasons, so they stand here as they stand in a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cocoon.fleet.plan import reasons

_AGAIN: Final = "Create the job again once that is mended; this one is over."
_REST: Final = "Create a job with the remaining items; what was answered is there."
_SEAL: Final = "Seal the plain input again (kubectl cocoon submit --seal, or seal) and create the job under that seal."

#: By the reason with which a job is over.
REMEDIES: Final[Mapping[str, str]] = {
    reasons.DEADLINE_EXCEEDED: "Create it again with a later --deadline or more --parallelism.",
    reasons.SUSPENDED: _REST,
    "Cancelled": _REST,
    reasons.ATTEMPTS_EXHAUSTED: "status.attempts has each attempt's reason. Mend that, and create the job again.",
    "InvalidSpec": "Correct the field that the message names, and create the job again.",
    "InvalidInput": f"Correct the line that the message names. {_AGAIN}",
    "ItemFailed": "Correct the item, or create the job again with itemErrors: Continue.",
    "InputUnavailable": f"Check that the input's address is https, public and still valid. {_AGAIN}",
    "DigestMismatch": f"Give the digest of what lies at the input's address: sha256sum FILE. {_AGAIN}",
    "OutputTooLarge": "Create it again with --output-uri: a ConfigMap holds 512 KiB.",
    "OutputUnavailable": "Create it again with a presigned address that is valid until the deadline, for one PUT.",
    "BudgetExceeded": f"{_REST} A larger budget lets it go further.",
    "SealedInvalid": f"The sealed file was cut or changed, or output.sealTo is none. {_SEAL}",
    "SealedForAnother": f"The seal names another job, model or recipient than this one's. {_SEAL}",
    "SealedToLostKey": f"The keyring that it was sealed to is gone, and its key with it. {_SEAL}",
    "KeyRefused": "The message has the keyring's reason: the seal expired, was used up, or no runner meets its terms. "
    f"{_SEAL}",
}
