"""What whoever sees a reason can do about it, in one line: for `kubectl cocoon why`.

The operator's and runners' messages say what happened to this very job; this says what to type next. The page
docs/reference/conditions.md has the same reasons at length. Runners give some of them, so they stand here as they
stand in a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cocoon.fleet.plan import reasons

_WAIT: Final = "Nothing: it is tried again by itself. If it repeats, tell an administrator."
_AGAIN: Final = "Create the job again once that is mended; this one is over."
_KEYRING: Final = (
    "Ask an administrator to look at the keyring (kubectl get pods -A -l app.kubernetes.io/component=keyring, and "
    "status.keyring of the provider). The job goes on by itself once one answers."
)
_SEAL: Final = "Seal the plain input again (kubectl cocoon submit --seal, or seal) and create the job under that seal."

#: Reasons that a job waits for, and those that ended an earlier attempt of it.
OF_WAITING: Final[Mapping[str, str]] = {
    reasons.QUEUED: "Read on: what each provider, server and node says is below.",
    reasons.NO_OFFER: "See TAKES SUCH JOBS below. Create the job again with another model, price, trust or digest, or "
    "ask an administrator for an offer that takes it.",
    reasons.NO_FREE_SLOTS: "Wait for running jobs to finish, or ask an administrator for more servers "
    "(servers.maximum) or nodes; below is which of them is short.",
    reasons.NO_KEYRING: _KEYRING,
    reasons.NO_CREDIT: "Wait for running jobs to give back what they set aside, create the job again with a smaller "
    "--budget, or ask an administrator to credit the namespace's client account.",
    reasons.BUDGET_NEEDED: "Create the job again with a budget, such as kubectl cocoon submit --budget 0.5TON.",
    reasons.SUSPENDED: 'kubectl patch ijob NAME --type merge -p \'{"spec":{"suspend":false}}\' lets it run.',
    reasons.SERVER_LOST: _WAIT,
    reasons.SERVER_RETIRING: _WAIT,
    reasons.SERVER_NOT_TRUSTED: "Nothing: it is tried on a server that is trusted. The provider's condition Attested "
    "says what is wrong with the other.",
    reasons.RECEIPT_MISSING: _WAIT,
    reasons.RECEIPT_UNREADABLE: _WAIT,
    reasons.INTERRUPTED: _WAIT,
    "Cancelled": _WAIT,
    "ContactLost": _WAIT,
    "Draining": _WAIT,
    "KeyringUnavailable": _KEYRING,
    "ModelUnavailable": "Nothing: it is tried again. The provider's condition ModelsValid says what is wrong.",
    "RunnerError": "Nothing: it is tried again. It is a bug of ours: please report it with the runner's log.",
    "SpoolUnavailable": "Nothing: it is tried again. An administrator should look at the node's ephemeral storage.",
    "TritonLost": "Nothing: it is tried again. If it repeats, an administrator should look at the Triton container's "
    "log and memory limit.",
}
#: Reasons with which a job is over.
OF_FAILURE: Final[Mapping[str, str]] = {
    reasons.DEADLINE_EXCEEDED: "Create it again with a later --deadline or more --parallelism.",
    reasons.ATTEMPTS_EXHAUSTED: "status.attempts has each attempt's reason. Mend that, and create the job again.",
    "InvalidSpec": "Correct the field that the message names, and create the job again.",
    "InvalidInput": f"Correct the line that the message names. {_AGAIN}",
    "ItemFailed": "Correct the item, or create the job again with itemErrors: Continue.",
    "InputUnavailable": f"Check that the input's address is https, public and still valid. {_AGAIN}",
    "DigestMismatch": f"Give the digest of what lies at the input's address: sha256sum FILE. {_AGAIN}",
    "OutputTooLarge": "Create it again with --output-uri: a ConfigMap holds 512 KiB.",
    "OutputUnavailable": "Create it again with a presigned address that is valid until the deadline, for one PUT.",
    "BudgetExceeded": "Create a job with the remaining items, or with a larger budget; what was answered is there.",
    "SealedInvalid": f"The sealed file was cut or changed, or output.sealTo is none. {_SEAL}",
    "SealedForAnother": f"The seal names another job, model or recipient than this one's. {_SEAL}",
    "SealedToLostKey": f"The keyring that it was sealed to is gone, and its key with it. {_SEAL}",
    "KeyRefused": "The message has the keyring's reason: the seal expired, was used up, or no runner meets its terms. "
    f"{_SEAL}",
}


def advice(reason: str) -> str:
    """What to do; empty for what needs nothing, and for a reason of another release."""
    return OF_WAITING.get(reason) or OF_FAILURE.get(reason, "")
