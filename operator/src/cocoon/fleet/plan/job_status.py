"""The statuses that decisions write on jobs: one function per transition.

```
            bind                finish (receipt)
  Pending ───────▶ Running ─────────────────────▶ Succeeded | Failed
     ▲   ◀─────────  │                                 ▲
     │     unbind                                      │ fail (no receipt: impossible, too late, no attempts left)
     └─ explain      └─────────────────────────────────┘
```
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cocoon.api.conditions import Condition, Truth
from cocoon.api.conditions import replace as with_condition
from cocoon.api.job import AttemptStatus, Binding, JobStatus, OutputStatus
from cocoon.api.money import Price
from cocoon.api.receipts import Claims
from cocoon.api.times import Instant, format_time
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Job, Provider, Server
from cocoon.fleet.plan.remedies import REMEDIES

#: Earlier attempts that are kept in a status.
ATTEMPTS_KEPT: Final = 5


class Cause(Struct, frozen=True):
    """Why something is as it is: a constant in CamelCase and a sentence that says what to do."""

    reason: str
    message: str


def bind(job: Job, server: Server, provider: Provider, price: Price, now: Instant) -> JobStatus:
    """The status of a job that is given to a server."""
    number, stamp = next_attempt(job), format_time(now)
    binding = Binding(provider.key, server.key, number, price, stamp, server.uid)
    bound = Cause(reasons.JOB_BOUND, f"Server {server.key} runs attempt {number}.")
    running = Cause(reasons.RUNNING, f"Attempt {number} runs on server {server.key}.")
    conditions = _conditions(job, stamp, ((reasons.BOUND, "True", bound), (reasons.RECONCILING, "True", running)))
    return replace(
        job.status,
        state="Running",
        observed_generation=job.generation,
        conditions=conditions,
        binding=binding,
        start_time=job.status.start_time or stamp,
    )


def explain(job: Job, cause: Cause, now: Instant) -> JobStatus:
    """The status of a job that waits, and why."""
    stamp = format_time(now)
    waiting = Cause(reasons.QUEUED, "The job waits for a server; the condition Bound says why.")
    conditions = _conditions(job, stamp, ((reasons.BOUND, "False", cause), (reasons.RECONCILING, "True", waiting)))
    return replace(job.status, observed_generation=job.generation, conditions=conditions)


def unbind(job: Job, cause: Cause, now: Instant, *, free: bool) -> JobStatus:
    """The status of a job whose attempt came to nothing and that waits for its next one."""
    waiting = Cause(cause.reason, f"{cause.message} The job waits for its next attempt.")
    return replace(explain(job, waiting, now), state="Pending", binding=None, attempts=ended(job, cause, free=free))


def fail(job: Job, cause: Cause, now: Instant) -> JobStatus:
    """The status of a job that is over without a receipt."""
    attempts = ended(job, cause, free=False) if job.status.binding is not None else job.status.attempts
    return _finish(job, replace(job.status, attempts=attempts), cause, now, succeeded=False)


def settle(  # noqa: PLR0913 - a job's end is made of all of them
    job: Job, claims: Claims, receipt: str, cause: Cause, now: Instant, *, output: OutputStatus | None
) -> JobStatus:
    """The status of a job whose attempt is receipted; the caller marks it with the condition Reported."""
    status = replace(job.status, usage=claims.usage, cost=claims.cost, receipt=receipt, output=output)
    return _finish(job, status, cause, now, succeeded=claims.outcome == "Succeeded")


def mark(  # noqa: PLR0913, PLR0917 - a condition is made of all of them
    status: JobStatus, job: Job, kind: str, truth: Truth, cause: Cause, now: Instant
) -> JobStatus:
    """A status with one more condition."""
    condition = Condition(kind, truth, cause.reason, cause.message, format_time(now), job.generation)
    return replace(status, conditions=with_condition(status.conditions, condition))


def next_attempt(job: Job) -> int:
    """The number of the job's next attempt, from 1."""
    return max((attempt.number for attempt in job.status.attempts), default=0) + 1


def attempts_used(job: Job) -> int:
    """How many attempts count against the job, the one under way included.

    Numbers tell of attempts that are no longer listed; free ones are kept in the list for this.
    """
    under_way = job.status.binding.attempt if job.status.binding is not None else 0
    highest = max([under_way, *(attempt.number for attempt in job.status.attempts)])
    return highest - sum(attempt.free for attempt in job.status.attempts)


def ended(job: Job, cause: Cause, *, free: bool) -> tuple[AttemptStatus, ...]:
    """The job's attempts with the current one at their end; the oldest that count go first if there are too many."""
    binding = job.status.binding
    if binding is None:
        return job.status.attempts
    attempts = [*job.status.attempts, AttemptStatus(binding.attempt, binding.server, cause.reason, free)]
    while len(attempts) > ATTEMPTS_KEPT:
        attempts.remove(next((each for each in attempts[:-1] if not each.free), attempts[0]))
    return tuple(attempts)


def _finish(job: Job, status: JobStatus, cause: Cause, now: Instant, *, succeeded: bool) -> JobStatus:
    stamp = format_time(now)
    outcome: tuple[str, Truth, Cause] = (reasons.SUCCEEDED, "True" if succeeded else "False", cause)
    conditions = _conditions(job, stamp, (outcome,) if succeeded else (outcome, _stalled(cause)))
    return replace(
        status,
        state="Succeeded" if succeeded else "Failed",
        observed_generation=job.generation,
        conditions=tuple(each for each in conditions if each.type != reasons.RECONCILING),
        completion_time=stamp,
    )


def _stalled(cause: Cause) -> tuple[str, Truth, Cause]:
    """What happened, and what to do about it: the one condition that people read of a job that is over."""
    said = " ".join(filter(None, (cause.message, REMEDIES.get(cause.reason))))
    return reasons.STALLED, "True", Cause(cause.reason, said)


def _conditions(job: Job, stamp: str, changes: tuple[tuple[str, Truth, Cause], ...]) -> tuple[Condition, ...]:
    conditions = job.status.conditions
    for kind, truth, cause in changes:
        new = Condition(kind, truth, cause.reason, cause.message, stamp, job.generation)
        conditions = with_condition(conditions, new)
    return conditions
