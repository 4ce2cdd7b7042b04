"""Jobs under way: give them to their runner, take what it finished, stop what does not stand, try again what was lost.

A server is lost when that is known: its Pod is gone or has ended, or its node has not been Ready for five minutes and
its runner does not answer either. Until then its jobs stay where they are.
"""

from __future__ import annotations

from cocoon.api.counted import counted
from cocoon.api.runner import Finished
from cocoon.api.times import Instant
from cocoon.fleet.plan import job_status, reasons
from cocoon.fleet.plan.actions import CancelAttempt, ConfirmStanding, FinishJob, PushJob
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.expectations import is_expected
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import Job, RunnerView, Server, Uid
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import is_lost, is_retiring, trust_obstacle
from cocoon.fleet.plan.validity import cancel, end_of


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Bring every touched job under way one step further, and every touched runner in line."""
    jobs = set(draft.touched.jobs)
    for key in sorted(draft.touched.servers):
        server = snapshot.servers.get(key)
        if server is not None and not is_expected(server):
            jobs |= snapshot.usage.jobs_of(server.uid)
            _straighten(snapshot, server, now, draft)
    for job in snapshot.jobs_among(jobs, _is_under_way):
        _advance(snapshot, job, now, draft)


def _is_under_way(job: Job) -> bool:
    return job.status.binding is not None and not job.finished


def stands(snapshot: Snapshot, server: Server, attempt: str) -> bool:
    """Whether an attempt (`uid/attempt`) at this server is what its job's status says."""
    uid, _, number = attempt.rpartition("/")
    job = snapshot.job_of(uid)
    binding = job.status.binding if job is not None and not job.finished else None
    return binding is not None and (binding.server_uid, str(binding.attempt)) == (server.uid, number)


def _straighten(snapshot: Snapshot, server: Server, now: Instant, draft: Draft) -> None:
    view = snapshot.runners.get(server.uid)
    if view is None or view.unreachable_since is not None:
        return
    standing = [attempt for attempt in view.attempts if stands(snapshot, server, attempt)]
    if view.lapsed:
        draft.add(ConfirmStanding(server.key, server.uid, tuple(sorted(standing))))
    for attempt in sorted(set(view.attempts) - set(standing)):
        held = view.attempts[attempt]
        deleted = held.uid not in snapshot.job_keys
        reason = reasons.JOB_DELETED if deleted else reasons.SUPERSEDED
        cancel(snapshot, CancelAttempt(server.key, server.uid, held.uid, held.number, deleted, reason), now, draft)


def _advance(snapshot: Snapshot, job: Job, now: Instant, draft: Draft) -> None:
    binding = job.status.binding
    if binding is None or draft.is_decided(job.key):
        return
    key = snapshot.server_keys.get(Uid(binding.server_uid))
    if key is None:
        _try_again(job, Cause(reasons.SERVER_LOST, f"Server {binding.server} is gone."), now, draft)
        return
    server, view = snapshot.servers[key], snapshot.runners.get(snapshot.servers[key].uid)
    over = _finish_of(view, f"{job.uid}/{binding.attempt}")
    if over is not None:
        _take(snapshot, job, over, now, draft)
    elif is_lost(snapshot, server, now):
        _try_again(job, Cause(reasons.SERVER_LOST, f"Server {server.key} was lost{_how(server)}."), now, draft)
    elif view is not None and view.answers:
        _start(snapshot, job, view, now, draft)


def _take(snapshot: Snapshot, job: Job, event: Finished, now: Instant, draft: Draft) -> None:
    server = snapshot.servers[snapshot.server_keys[Uid(job.status.binding.server_uid)]]  # type: ignore[union-attr]  # it is bound
    claims = claims_of(event.receipt)
    if claims is not None and claims.outcome != "Interrupted":
        draft.add(FinishJob(job.key, job.uid, job.resource_version, server.key, event))
        return
    free = is_retiring(snapshot, server)
    reason = reasons.RECEIPT_UNREADABLE if claims is None else event.code or reasons.INTERRUPTED
    detail = f": {event.detail.rstrip('.')}" if event.detail else ""
    cause = Cause(reason, f"The attempt on server {server.key} was interrupted{detail}.")
    _try_again(job, cause, now, draft, free=free)


def _start(snapshot: Snapshot, job: Job, view: RunnerView, now: Instant, draft: Draft) -> None:
    """Push what the runner does not have. What it had and has no receipt for any more is lost, and is tried again."""
    binding = job.status.binding
    if binding is None:
        return
    attempt, server = f"{job.uid}/{binding.attempt}", snapshot.servers[snapshot.server_keys[view.server]]
    if attempt in view.over:
        if view.over[attempt]:
            message = f"Server {server.key} says that the attempt is over and has no receipt of it."
            _try_again(job, Cause(reasons.RECEIPT_MISSING, message), now, draft)
    elif attempt not in view.attempts:
        _push(snapshot, job, server, now, draft)


def _push(snapshot: Snapshot, job: Job, server: Server, now: Instant, draft: Draft) -> None:
    """Give the job to its runner, unless it need not start there any more or must not."""
    binding = job.status.binding
    over = end_of(job, now)
    known = snapshot.attestations.get(server.uid)
    refused = known is not None and known.verdict is not None and not known.verdict.trusted
    if binding is None:
        return
    if over is not None:
        draft.write(job, job_status.fail(job, over, now), "Fail")
    elif is_retiring(snapshot, server):
        _try_again(job, Cause(reasons.SERVER_RETIRING, f"Server {server.key} is being retired."), now, draft, free=True)
    elif refused:
        cause = Cause(reasons.SERVER_NOT_TRUSTED, f"Server {server.key} is not trusted any more.")
        _try_again(job, cause, now, draft, free=True)
    elif not trust_obstacle(snapshot, server, now):
        draft.add(PushJob(job.key, job.uid, binding.attempt, server.key, server.uid))


def _try_again(job: Job, cause: Cause, now: Instant, draft: Draft, *, free: bool = False) -> None:
    over = end_of(job, now)
    if over is not None:
        draft.write(job, job_status.fail(job, over, now), "Fail")
    elif not free and job_status.attempts_used(job) >= job.attempts:
        tried = counted(job.attempts, "attempt")
        message = f"{tried} came to nothing, and the job may have no more. The last one: {cause.message}"
        draft.write(job, job_status.fail(job, Cause(reasons.ATTEMPTS_EXHAUSTED, message), now), "Fail")
    else:
        draft.write(job, job_status.unbind(job, cause, now, free=free), "Unbind")


def _finish_of(view: RunnerView | None, attempt: str) -> Finished | None:
    if view is None:
        return None
    return next((event for event in view.finished if f"{event.uid}/{event.attempt}" == attempt), None)


def _how(server: Server) -> str:
    return f": {server.ended.rstrip('.')}" if server.ended else ", its node is not Ready and its runner does not answer"
