"""Why a job waits, in one sentence per job that is next in its class.

`0/12 servers: 7 busy, 3 price above maximum, 2 not attested (TDX TCB OutOfDate); 0/4 nodes fit: 3 have 0 of 1 GPUs
free, 1 cordoned.` and what to do. Only a job that has been next for a moment is told, only when what there is to tell
changed, and at most every half minute: writes are scarce.
"""

from __future__ import annotations

from typing import Final

from cocoon.api.conditions import find
from cocoon.api.times import Instant
from cocoon.fleet.plan import job_status, reasons
from cocoon.fleet.plan.binding import is_covered
from cocoon.fleet.plan.census import BUSY
from cocoon.fleet.plan.counting import Counting, Table
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.memory import Head, Memory
from cocoon.fleet.plan.queues import JobClass, Queue
from cocoon.fleet.plan.records import Job, Uid
from cocoon.fleet.plan.roll_call import PATIENCE as SILENCE
from cocoon.fleet.plan.snapshot import Snapshot

#: A job that was just passed over may be bound a moment later.
PATIENCE: Final = 2.0
EXPLAIN_EVERY: Final = 30.0
#: Explanations in one round, and seconds until the next ones: they must not hold up binds.
MOST_AT_ONCE: Final = 100
PAUSE: Final = 1.0


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Tell the heads of queues that found no server why."""
    for job_class in snapshot.queues.moved:
        _meet_head(snapshot, job_class, now)
    snapshot.queues.moved = set()
    due = [queue for each in snapshot.head_alarms.ring(now) if (queue := snapshot.queues.get(each)) is not None]
    counting = Counting(snapshot, now)
    due.sort(key=lambda queue: queue.head or ())
    for queue in due[:MOST_AT_ONCE]:
        _explain_when_due(counting, queue, draft)
    for queue in due[MOST_AT_ONCE:]:
        snapshot.head_alarms.set(queue.job_class, now + PAUSE)


def why(counting: Counting, job: Job) -> Cause:
    """Why a job waits and what to do about it."""
    snapshot, table = counting.snapshot, counting.tabulate(job)
    if not is_covered(snapshot, job, 0):
        return _uncovered(snapshot, job)
    if job.sealed and not snapshot.keyrings.answer:
        return Cause(reasons.NO_KEYRING, _no_keyring(snapshot))
    if not table.offers:
        text = f"No offer of model {job.model} takes this job: {table.sentence()}."
        return Cause(reasons.NO_OFFER, f"{text} {_advice(table)}")
    return Cause(reasons.NO_FREE_SLOTS, f"{table.sentence()}. {_advice(table)}")


def _meet_head(snapshot: Snapshot, job_class: JobClass, now: Instant) -> None:
    """Take note of a class's new head, and when it is to be told something."""
    queue = snapshot.queues.get(job_class)
    if queue is None or queue.head is None:
        snapshot.memory.heads.pop(job_class, None)
        return
    uid = snapshot.jobs[queue.head[1]].uid
    known = snapshot.memory.heads.get(job_class)
    if known is None or known.uid != uid:
        known = snapshot.memory.heads[job_class] = Head(uid, now)
    snapshot.head_alarms.set(job_class, _due(snapshot.memory, known))


def _due(memory: Memory, head: Head) -> Instant:
    return max(head.since + PATIENCE, memory.explained.get(head.uid, 0.0) + EXPLAIN_EVERY)


def _note_explained(memory: Memory, job: Uid, now: Instant) -> None:
    """Remember it for as long as it matters."""
    memory.explained.pop(job, None)
    memory.explained[job] = now
    while (first := next(iter(memory.explained))) != job and memory.explained[first] + EXPLAIN_EVERY <= now:
        del memory.explained[first]


def _explain_when_due(counting: Counting, queue: Queue, draft: Draft) -> None:
    snapshot, now, job_class = counting.snapshot, counting.now, queue.job_class
    known = snapshot.memory.heads.get(job_class)
    if known is None or queue.head is None:
        return
    if _due(snapshot.memory, known) <= now:
        _note_explained(snapshot.memory, known.uid, now)
        _explain(counting, snapshot.jobs[queue.head[1]], draft)
    snapshot.head_alarms.set(job_class, _due(snapshot.memory, known))


def _explain(counting: Counting, job: Job, draft: Draft) -> None:
    cause, bound = why(counting, job), find(job.status.conditions, reasons.BOUND)
    if bound is None or (bound.reason, bound.message) != (cause.reason, cause.message):
        draft.write(job, job_status.explain(job, cause, counting.now), "Explain")


def _uncovered(snapshot: Snapshot, job: Job) -> Cause:
    if job.budget is None:
        return Cause(reasons.BUDGET_NEEDED, "Work is paid here. Create the job again with spec.budget, in nanoTON.")
    account, outstanding = snapshot.credit.get(job.namespace), snapshot.usage.outstanding(job.namespace)
    if account is None:
        return Cause(reasons.NO_CREDIT, f"Namespace {job.namespace} has no client account. Ask for credit.")
    if snapshot.usage.in_doubt:
        return Cause(
            reasons.NO_CREDIT, "A server ends work for a deleted job of unknown price; wait until it is known."
        )
    if snapshot.roll_call.missing:
        return Cause(reasons.NO_CREDIT, _unheard(snapshot))
    message = (
        f"The budget of {job.budget} nanoTON is not covered: the account of namespace {job.namespace} has "
        f"{account.available}, of which {outstanding} are set aside. Ask for credit or wait for jobs to finish."
    )
    return Cause(reasons.NO_CREDIT, message)


def _unheard(snapshot: Snapshot) -> str:
    keys = sorted(snapshot.server_keys[uid] for uid in snapshot.roll_call.missing if uid in snapshot.server_keys)
    others = f" and {len(keys) - 1} other servers" if len(keys) > 1 else ""
    return (
        f"The operator has just begun to act and has not heard from {keys[0] if keys else 'a server'}{others}, which "
        f"may still have work that this account pays. It waits {SILENCE:.0f} s at most; wait too."
    )


def _no_keyring(snapshot: Snapshot) -> str:
    if not snapshot.keyrings.known:
        return "The input is sealed and this fleet has no keyring to open it with. Ask an administrator for one."
    return (
        "The input is sealed, and no keyring answers with evidence that can be trusted, so nobody could open it. "
        "It is asked again all the time; ask an administrator to look at the keyring."
    )


def _advice(table: Table) -> str:
    if not table.servers and not table.nodes and not table.enough:
        return "Ask an administrator which models are offered, and to which namespaces."
    if not table.offers:
        return "Change what the job asks for, or ask an administrator for an offer that takes it."
    if table.enough:
        return "Servers are being started; wait."
    if any(standing == BUSY for standing, _ in table.servers):
        return "Wait for running jobs to finish, or ask an administrator for more servers."
    return "Ask an administrator to look at the provider's conditions."
