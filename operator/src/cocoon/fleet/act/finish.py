"""A job's end, made durable in this order: answers, report, status. Whatever breaks off is done again from the start.

output ConfigMap ──▶ payout service ──▶ status with the receipt ──▶ (next round) the runner may forget
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cocoon.api.conditions import Truth
from cocoon.api.counted import counted
from cocoon.api.job import JobStatus, OutputStatus
from cocoon.api.money import Price
from cocoon.api.receipts import Claims
from cocoon.api.resources import CONFIG_MAP, JOB
from cocoon.api.runner import Finished
from cocoon.api.times import Instant
from cocoon.fleet.act.means import Means
from cocoon.fleet.act.wire import job_status
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.actions import FinishJob, ReportReceipt, ReportSettled
from cocoon.fleet.plan.job_status import Cause, mark, settle
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import Job, PayoutLink
from cocoon.fleet.ports.failures import Busy, Gone, Refused
from cocoon.fleet.ports.payout import Postponed, Report, said_by
from cocoon.fleet.ports.resources import Ref, ref_of_key
from cocoon.fleet.render.names import OUTPUT_DIGEST_ANNOTATION
from cocoon.fleet.render.output_config_map import MAXIMUM_OUTPUT, output_config_map, output_name

#: A payout service that is out of reach for this long (seconds) no longer holds up the ends of jobs.
PATIENCE: Final = 10.0
_STRANGE: Final = "report it with the runner's log, for that is a bug; then delete the job, or its server's Pod."
#: Tries to write a status, for others may change the job meanwhile.
_TRIES: Final = 5
_LATER: Final = "The receipt stays in this status and is reported by itself"


class End(Struct, frozen=True):
    """What the end of an attempt came to: its event and claims, the ConfigMap that holds the answers, the report."""

    event: Finished
    claims: Claims
    name: str | None
    report: Report


async def finish_job(action: FinishJob, means: Means) -> None:
    """Publish the answers, report the receipt, write the status."""
    job = means.job(action.job, action.uid)
    claims = claims_of(action.event.receipt)
    if claims is None or claims.sub != f"{means.cluster_id}/{job.uid}":
        raise Refused(f"Its receipt is of another job: {_STRANGE}")
    name = await _publish(job, action.event, means)
    report = await _reported(job, action.event.receipt, means)
    await _write(job, action, End(action.event, claims, name, report), means)


async def _reported(job: Job, receipt: str, means: Means) -> Report:
    """The report on a job's receipt, or that it follows later (`report_settled`)."""
    price = job.status.binding.price if job.status.binding else None
    return await hand_in(receipt, means, price=price)


async def report_settled(action: ReportSettled, means: Means) -> None:
    """Report the receipt that a job's status holds; its server may be gone. Raises Busy until it is taken."""
    job = means.job(action.job, action.uid)
    if job.status.receipt is None:
        return  # it was reported meanwhile, or nothing was done
    price = job.status.binding.price if job.status.binding else None
    report = await hand_in(job.status.receipt, means, float("inf"), price)
    status = job_status(reported_status(job.status, job, report, means.clock.now()))
    ref = ref_of_key(JOB, action.job)
    means.mirror.take(JOB, await means.cluster.write_status(ref, action.uid, job.resource_version, status))


async def report_receipt(action: ReportReceipt, means: Means) -> None:
    """Report a receipt that no job's status waits for. Raises Busy until the payout service has taken it."""
    await hand_in(action.event.receipt, means, patience=float("inf"))


async def hand_in(receipt: str, means: Means, patience: float = PATIENCE, price: Price | None = None) -> Report:
    """What the payout service says of a receipt. Raises Busy until it was out of reach for longer than patience."""
    now, link = means.clock.now(), means.mirror.snapshot.payout
    try:
        report = await means.payout.report(receipt, price)
    except Postponed as postponed:
        if patience == float("inf"):
            raise
        report = Report(reasons.POSTPONED, str(postponed))
    except Busy as busy:
        since = now if link.unreachable_since is None else link.unreachable_since
        if link.unreachable_since is None:
            means.mirror.know(PayoutLink(means.payout.configured, since, said_by(busy)))
        if now - since < patience:
            raise
        return _unreported(said_by(busy))
    if link.unreachable_since is not None:
        means.mirror.know(PayoutLink(means.payout.configured))
    return report


def _unreported(said: str) -> Report:
    """Nobody there, or somebody who can't work and says why (see plan/payouts.py)."""
    if said:
        return Report(reasons.PAYOUT_FAILING, f"{said} {_LATER} when it works again.")
    return Report(reasons.PAYOUT_UNREACHABLE, f"The payout service does not answer. {_LATER} when it does.")


async def _publish(job: Job, event: Finished, means: Means) -> str | None:
    """Create the output ConfigMap, or see that it is there already; the name of the one that holds the answers.

    Nothing is ever overwritten: if an earlier attempt left another answer, this one gets its number as a suffix.
    """
    if event.output is None:
        return None
    if len(event.output.encode()) > MAXIMUM_OUTPUT:
        raise Refused(f"The output has more than {MAXIMUM_OUTPUT} bytes.")
    for name in (output_name(job), f"{output_name(job)}-{event.attempt}"):
        try:
            await means.cluster.create(output_config_map(job, event, name))
        except Gone:
            if not await _is_there(job, event, name, means):
                continue
        return name
    raise Refused(f"ConfigMaps of other answers are in the way of {output_name(job)}-{event.attempt}: delete them.")


async def _is_there(job: Job, event: Finished, name: str, means: Means) -> bool:
    """Whether a ConfigMap of ours holds these answers. Raises Refused if it is somebody else's."""
    meta = (await means.cluster.read(Ref(CONFIG_MAP, job.namespace, name)))["metadata"]
    if not any(owner.get("uid") == job.uid for owner in meta.get("ownerReferences") or []):
        raise Refused(f"A ConfigMap {name} of something else is in the way of the answers: delete or rename it.")
    return bool((meta.get("annotations") or {}).get(OUTPUT_DIGEST_ANNOTATION) == event.output_sha256)


async def _write(job: Job, action: FinishJob, end: End, means: Means) -> None:
    """Write the end; an edit of the spec meanwhile must not starve it, so a conflict is read and written at once."""
    ref = ref_of_key(JOB, action.job)
    for _ in range(_TRIES):
        status = job_status(finished_status(job, end, means.clock.now()))
        try:
            body = await means.cluster.write_status(ref, action.uid, job.resource_version, status)
        except Gone:
            job = await _still_stands(action, means)
            continue
        means.mirror.take(JOB, body)
        return
    raise Busy(f"The job {action.job} changes faster than its end can be written.")


async def _still_stands(action: FinishJob, means: Means) -> Job:
    await means.mirror.reread(means.cluster, JOB, action.job)
    job = means.job(action.job, action.uid)
    binding = job.status.binding
    over = job.finished and job.status.receipt != action.event.receipt
    if over or binding is None or binding.attempt != action.event.attempt:
        raise Gone(f"Attempt {action.event.attempt} of {action.job} no longer stands.")
    return job


def finished_status(job: Job, end: End, now: Instant) -> JobStatus:
    """The last status of a job: what its receipt says, and what the payout service said of that."""
    event, usage = end.event, end.claims.usage
    done = f"{counted(usage.items, 'item was', 'items were')} answered, {usage.failed_items} failed."
    cause = Cause(event.code or reasons.COMPLETED, event.detail or done)
    status = settle(job, end.claims, event.receipt, cause, now, output=_output(job, end))
    return reported_status(status, job, end.report, now)


def _output(job: Job, end: End) -> OutputStatus | None:
    """Where the answers are, if any were handed over."""
    event = end.event
    if not event.output_bytes:
        return None
    uri = None if end.name else job.output_uri
    return OutputStatus(config_map=end.name, uri=uri, sha256=event.output_sha256, bytes=event.output_bytes)


def reported_status(status: JobStatus, job: Job, report: Report, now: Instant) -> JobStatus:
    """A status with what the payout service said of its receipt."""
    truth: Truth = "True" if report.outcome in ("Accepted", "Superseded") else "False"
    return mark(status, job, reasons.REPORTED, truth, Cause(report.outcome, report.message), now)
