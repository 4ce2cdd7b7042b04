"""What whoever sees a reason can do about it, in one line: for `kubectl cocoon why`.

The operator's and runners' messages say what happened to this very job; this says what to type next. The page
docs/reference/conditions.md has the same reasons at length. Runners give some of them, so they stand here as they
stand in a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.remedies import REMEDIES

_WAIT: Final = "Nothing: it is tried again by itself. If it repeats, tell an administrator."
_KEYRING: Final = (
    "Ask an administrator to look at the keyring (kubectl get pods -A -l app.kubernetes.io/component=keyring, and "
    "status.keyring of the provider). The job goes on by itself once one answers."
)

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


def advice(reason: str, *, over: bool) -> str:
    """What to do about a job that waits or is over; empty for what needs nothing, and for another release's reason."""
    return (REMEDIES if over else OF_WAITING).get(reason, "")
