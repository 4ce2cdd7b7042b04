"""Jobs that can never run, came too late or are not wanted any more.

A job that nobody runs is simply failed, or left waiting. One that a server runs is cancelled for good: the runner
receipts what it did as Cancelled, and that receipt ends the job (docs/adr/0004-suspend-ends-a-running-job.md).
"""

from __future__ import annotations

from cocoon.api.times import Instant
from cocoon.fleet.plan import job_status, reasons
from cocoon.fleet.plan.actions import CancelAttempt
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.records import Job
from cocoon.fleet.plan.snapshot import Snapshot

TOO_LATE = Cause(reasons.DEADLINE_EXCEEDED, "The job was not finished before its deadline.")
NOT_WANTED = Cause(
    reasons.SUSPENDED,
    "The job was suspended while it ran, which ends it: what was done is billed.",
)
#: A runner that was told to stop and still runs is told again after this many seconds.
SAY_AGAIN_AFTER = 30.0


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Fail what is impossible or late, stop what is late or unwanted."""
    for job in snapshot.jobs_among(draft.touched.jobs, _needs_a_look):
        if job.status.binding is not None:
            _stop_if_over(snapshot, job, now, draft)
        elif job.flaws:
            flaw = job.flaws[0]
            draft.write(job, job_status.fail(job, Cause(flaw.reason, flaw.message), now), "Fail")
        elif job.deadline is not None and job.deadline <= now:
            draft.write(job, job_status.fail(job, TOO_LATE, now), "Fail")
        else:
            _wait(job, now, draft)


def _needs_a_look(job: Job) -> bool:
    return not job.finished and (job.deadline is not None or job.suspended or bool(job.flaws))


def end_of(job: Job, now: Instant) -> Cause | None:
    """Why a running job is to be ended now, if it is."""
    if job.suspended:
        return NOT_WANTED
    return TOO_LATE if job.deadline is not None and job.deadline <= now else None


def stop(snapshot: Snapshot, job: Job, cause: Cause, now: Instant, draft: Draft) -> None:
    """Have the job's attempt cancelled for good, if its runner holds it."""
    binding = job.status.binding
    key = snapshot.server_keys.get(snapshot.usage.server_of(job.key) or job.uid)
    if binding is None or key is None:
        return
    server = snapshot.servers[key].uid
    action = CancelAttempt(key, server, job.uid, binding.attempt, final=True, reason=cause.reason)
    cancel(snapshot, action, now, draft)


def cancel(snapshot: Snapshot, action: CancelAttempt, now: Instant, draft: Draft) -> None:
    """Tell a runner that holds an attempt and is in reach to stop it; say it again if nothing comes of it."""
    view = snapshot.runners.get(action.server_uid)
    attempt = f"{action.uid}/{action.attempt}"
    if view is None or view.unreachable_since is not None or attempt not in view.attempts:
        return
    told = snapshot.memory.cancelled.get((action.server_uid, attempt))
    if told is None or told + SAY_AGAIN_AFTER <= now:
        draft.add(action)
    else:
        draft.wake(("server", action.server), told + SAY_AGAIN_AFTER)


def _stop_if_over(snapshot: Snapshot, job: Job, now: Instant, draft: Draft) -> None:
    cause = end_of(job, now)
    if cause is not None:
        stop(snapshot, job, cause, now, draft)
    elif job.deadline is not None:
        draft.wake(("job", job.key), job.deadline)


def _wait(job: Job, now: Instant, draft: Draft) -> None:
    if job.deadline is not None:
        draft.wake(("job", job.key), job.deadline)
    if job.suspended:
        cause = Cause(reasons.SUSPENDED, "The job is suspended. Set spec.suspend to false to let it run.")
        bound = next((each for each in job.status.conditions if each.type == reasons.BOUND), None)
        if bound is None or bound.reason != reasons.SUSPENDED:
            draft.write(job, job_status.explain(job, cause, now), "Explain")
