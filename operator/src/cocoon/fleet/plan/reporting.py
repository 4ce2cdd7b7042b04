"""Receipts that are still to be reported, and what a runner may forget.

A runner keeps each receipt until it is durable elsewhere: in the status of its job once the payout service took it,
or with the payout service alone if the job is gone, went on elsewhere or was over already. Without a payout service
the status is enough.

What a status holds is reported from there: its server may be gone long since.
"""

from __future__ import annotations

from typing import Final

from cocoon.api.conditions import find
from cocoon.api.runner import Finished
from cocoon.api.times import Instant
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.actions import AcknowledgeEvents, ReportReceipt, ReportSettled
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.records import Job, RunnerView, Server
from cocoon.fleet.plan.recovery import stands
from cocoon.fleet.plan.snapshot import Snapshot

#: A receipt that is refused stays in its job's status, like one that nobody asks for.
_LAST_WORDS: Final = frozenset((reasons.NO_PAYOUT_SERVICE, reasons.PAYOUT_REFUSED))


#: Jobs whose receipts are reported in one round; after an outage there can be very many.
_AT_ONCE: Final = 64
#: Seconds after which the next ones are looked at.
_PAUSE: Final = 1.0


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Report what statuses hold and what only a runner has, then let it forget."""
    if _answers(snapshot):
        _report_settled(snapshot, now, draft)
    for key in sorted(draft.touched.servers):
        server = snapshot.servers.get(key)
        view = snapshot.runners.get(server.uid) if server is not None else None
        if server is None or view is None or not view.finished or view.unreachable_since is not None:
            continue
        for event in view.finished:
            _hand_over(snapshot, server, view, event, draft)
        up_to = forgettable(snapshot, server, view)
        if up_to > view.acknowledged:
            draft.add(AcknowledgeEvents(server.key, server.uid, up_to))


def forgettable(snapshot: Snapshot, server: Server, view: RunnerView) -> int:
    """The number of the last event before the first receipt that is not durable elsewhere."""
    last = view.acknowledged
    for event in view.finished:
        if not is_durable(snapshot, server, view, event):
            return last
        last = event.number
    return last


def is_durable(snapshot: Snapshot, server: Server, view: RunnerView, event: Finished) -> bool:
    """Whether the fleet would lose nothing if the runner forgot this receipt."""
    if stands(snapshot, server, f"{event.uid}/{event.attempt}"):
        return False
    job = snapshot.job_of(event.uid)
    if job is not None and is_settled_by(job, server, event):
        return not snapshot.payout.configured or is_reported(job)
    reported = (view.boot, event.number) in snapshot.memory.reported.get(server.uid, ())
    return reported or not snapshot.payout.configured


def is_settled_by(job: Job, server: Server, event: Finished) -> bool:
    """Whether the job's status holds this receipt; only an attempt's receipt gives a job a cost."""
    binding = job.status.binding
    if binding is None or not job.finished or job.status.cost is None:
        return False
    return (binding.server_uid, binding.attempt) == (server.uid, event.attempt)


def is_reported(job: Job) -> bool:
    """Whether the payout service has said its last word on the job's receipt, or there is no such service."""
    reported = find(job.status.conditions, reasons.REPORTED)
    return reported is not None and (reported.status == "True" or reported.reason in _LAST_WORDS)


def _answers(snapshot: Snapshot) -> bool:
    return snapshot.payout.configured and snapshot.payout.unreachable_since is None


def _report_settled(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Report finished jobs' receipts that were not: the payout service was out of reach or did not want them yet."""
    for count, job in enumerate(snapshot.jobs_among(draft.touched.jobs, _is_unreported)):
        if count < _AT_ONCE:
            draft.add(ReportSettled(job.key, job.uid, job.resource_version))
        else:
            draft.wake(("job", job.key), now + _PAUSE)


def _is_unreported(job: Job) -> bool:
    return job.finished and job.status.receipt is not None and not job.deleting and not is_reported(job)


def _hand_over(snapshot: Snapshot, server: Server, view: RunnerView, event: Finished, draft: Draft) -> None:
    if not _answers(snapshot) or is_durable(snapshot, server, view, event):
        return
    job = snapshot.job_of(event.uid)
    if job is not None and is_settled_by(job, server, event):
        return  # it is reported from the status
    if not stands(snapshot, server, f"{event.uid}/{event.attempt}"):
        draft.add(ReportReceipt(server.key, server.uid, event))
