"""What people are told about providers, what providers need before they get servers, and the end of old jobs."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cocoon.api.times import Instant, parse_time
from cocoon.fleet.plan.actions import ApplyChildren, DeleteJob, SetFinalizer, WriteProviderStatus
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.provider_status import Queued, observed
from cocoon.fleet.plan.records import Job, Provider
from cocoon.fleet.plan.reporting import is_reported
from cocoon.fleet.plan.snapshot import Snapshot

#: Numbers move all the time; people do not look that often.
STATUS_EVERY: Final = 5.0


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Prepare providers, release those that are done, write what changed, and delete jobs that are over."""
    queued, shown = Queued(snapshot), set(draft.touched.providers)
    for model in draft.touched.models:
        shown |= snapshot.providers_of_model.get(model, set())
    for key in sorted(shown):
        provider = snapshot.providers.get(key)
        if provider is not None and _keep(snapshot, provider, draft):
            _apply_children(snapshot, provider, draft)
            _write_status(snapshot, queued, provider, draft)
    for job in snapshot.jobs_among(draft.touched.jobs, _has_an_end):
        _delete_in_time(job, now, draft)


def children_digest(provider: Provider) -> str:
    """What a provider's policies and budgets are made from, in a few characters."""
    return sha256(f"{provider.uid}/{provider.generation}".encode()).hexdigest()[:16]


def _keep(snapshot: Snapshot, provider: Provider, draft: Draft) -> bool:
    """Put our finalizer on a provider, and take it off when its last server is gone."""
    wanted = not provider.deleting or bool(snapshot.servers_of_provider[provider.key])
    if provider.finalized != wanted and (wanted is False or not provider.deleting):
        draft.add(SetFinalizer(provider.key, provider.uid, provider.resource_version, wanted))
    return wanted


def _apply_children(snapshot: Snapshot, provider: Provider, draft: Draft) -> None:
    digest = children_digest(provider)
    if not provider.deleting and snapshot.memory.children.get(provider.key) != digest:
        draft.add(ApplyChildren(provider.key, digest))


def _write_status(snapshot: Snapshot, queued: Queued, provider: Provider, draft: Draft) -> None:
    now = draft.now
    due = snapshot.memory.provider_written.get(provider.key, 0.0) + STATUS_EVERY
    if due > now:
        draft.wake(("provider", provider.key), due)
        return
    status = observed(snapshot, queued, provider, now)
    if status != provider.status:
        draft.add(WriteProviderStatus(provider.key, provider.uid, provider.resource_version, status))


def _has_an_end(job: Job) -> bool:
    return job.finished and job.ttl is not None and not job.deleting


def _delete_in_time(job: Job, now: Instant, draft: Draft) -> None:
    ended = job.status.completion_time
    if ended is None or job.ttl is None or (job.status.receipt is not None and not is_reported(job)):
        return
    due = parse_time(ended) + job.ttl
    if due > now:
        draft.wake(("job", job.key), due)
    else:
        draft.add(DeleteJob(job.key, job.uid, job.resource_version))
