"""Giving a bound job to its server's runner. The attempt's terms are what the binding fixed, whatever changed since."""

from __future__ import annotations

from msgspec.structs import replace

from cocoon.api.job import JobSpec
from cocoon.api.job_digest import spec_digest
from cocoon.api.money import Usage
from cocoon.api.resources import JOB, Json
from cocoon.api.runner import JobAssignment
from cocoon.api.sealing import KeyringPlace
from cocoon.fleet.act.means import Means
from cocoon.fleet.observe.reading import Unreadable, moment, read
from cocoon.fleet.plan.actions import PushJob
from cocoon.fleet.plan.records import Attempt, Job, Provider
from cocoon.fleet.ports.failures import Gone, Refused


async def push_job(action: PushJob, means: Means) -> None:
    """Read the job's input and push it."""
    body = await means.mirror.reread(means.cluster, JOB, action.job)
    if body is None or body["metadata"]["uid"] != action.uid:
        raise Gone(f"The job {action.job} is gone.")
    await push(action, body, means)


async def push(action: PushJob, body: Json, means: Means) -> None:
    """Push an attempt of the job that `body` holds. Raises Gone if that attempt no longer stands."""
    job = means.job(action.job, action.uid)
    place = means.place(action.server, action.server_uid)
    binding = job.status.binding
    if binding is None or binding.attempt != action.attempt or job.finished:
        raise Gone(f"Attempt {action.attempt} of {action.job} no longer stands.")
    provider = means.provider(binding.provider)  # type: ignore[arg-type]  # a binding's provider is a key on the wire
    progress = await means.servers.push(place, assignment(job, provider, body, means))
    _hold(action, means, over=progress.phase == "Finished")


def assignment(job: Job, provider: Provider, body: Json, means: Means) -> JobAssignment:
    """All that the runner needs for this attempt. Raises Refused if the stored spec can't be read."""
    try:
        spec = read(body["spec"], JobSpec)
    except Unreadable as error:
        raise Refused(f"The job's spec can't be read: {error}") from error
    binding = job.status.binding
    offer = provider.offers.get(spec.model)
    if binding is None or offer is None:
        raise Gone(f"{provider.key} no longer offers {spec.model}.")
    return JobAssignment(
        cluster=means.cluster_id,
        uid=job.uid,
        attempt=binding.attempt,
        namespace=job.namespace,
        name=job.key.split("/", 1)[1],
        provider_uid=provider.uid,
        model=spec.model,
        model_sha256=offer.sha256,
        input=spec.input,
        output=spec.output,
        price=binding.price,
        minimum_trust=spec.minimum_trust,
        spec_sha256=spec_digest(body["spec"]),
        budget=(spec.budget or "") if means.payout.configured else "",
        parallelism=spec.parallelism,
        item_errors=spec.item_errors,
        deadline=moment(spec.deadline),
        keyrings=_keyrings(means) if spec.input.sealed else (),
    )


def _keyrings(means: Means) -> tuple[KeyringPlace, ...]:
    """Whom the runner may ask for the input's key: the header says which epoch it is sealed to, and nobody else can."""
    keyrings = means.mirror.snapshot.keyrings
    return tuple(KeyringPlace(each.address, each.epoch, keyrings.measurements) for each in keyrings.known)


def _hold(action: PushJob, means: Means, *, over: bool) -> None:
    """Know that the runner holds the attempt now, or has ended it; its next page of events says so too, but later."""
    view = means.mirror.snapshot.runners.get(action.server_uid)
    name = f"{action.uid}/{action.attempt}"
    if view is None or name in view.attempts or any(f"{e.uid}/{e.attempt}" == name for e in view.finished):
        return
    if over:
        means.mirror.know(replace(view, over={name: False, **view.over}))
        return
    attempts = {**view.attempts, name: Attempt(action.uid, action.attempt, Usage())}
    means.mirror.know(replace(view, attempts=attempts, idle_since=None))
