"""What of a record others depend on: a change of anything else wakes nobody."""

from __future__ import annotations

from cocoon.fleet.plan.records import Job, Provider, RunnerView


def news(view: RunnerView) -> tuple[object, ...]:
    """What a runner tells but for when it told it: most long polls end with nothing else."""
    return (
        view.boot,
        view.unreachable_since,
        view.lapsed,
        view.heard,
        view.idle_since,
        view.acknowledged,
        view.models,
        view.finished,
        view.attempts,
        view.over,
    )


def waits(job: Job) -> bool:
    """Whether a job is to be bound as soon as a server can take it."""
    idle = job.status.binding is None and not job.finished
    return idle and not job.suspended and not job.deleting and not job.flaws


def terms(provider: Provider) -> tuple[object, ...]:
    """What servers and queues depend on; a provider's status is none of it."""
    return (provider.uid, provider.generation, provider.finalized, provider.deleting, provider.flaws, provider.offers)
