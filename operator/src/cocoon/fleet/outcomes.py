"""How jobs fared, counted by the replica that acted: waits, run times and ends. A few microseconds for each job."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from cocoon.api.conditions import find
from cocoon.api.job import JobStatus
from cocoon.api.times import Instant, parse_time
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.actions import Action, FinishJob, WriteJobStatus
from cocoon.fleet.plan.snapshot import Snapshot

#: Models and reasons that have series of their own; all others count as OTHER.
MOST_MODELS: Final = 200
MOST_REASONS: Final = 64
OTHER: Final = "other"
_WAITS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)


class Outcomes:
    """Counts binds and ends when their writes are done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._models: set[str] = set()
        self._reasons: set[str] = set()
        self.finished = Counter(
            "cocoon_fleet_jobs_finished_total",
            "Jobs that ended, by outcome (Succeeded or Failed) and the reason in their status.",
            ["model", "outcome", "reason"],
            registry=registry,
        )
        self.waits = Histogram(
            "cocoon_fleet_job_wait_seconds",
            "From the creation of a job until it was first bound to a server.",
            ["model"],
            buckets=_WAITS,
            registry=registry,
        )
        self.runs = Histogram(
            "cocoon_fleet_job_run_seconds",
            "From the first bind of a job until its end was written.",
            ["model"],
            buckets=_WAITS,
            registry=registry,
        )

    def note(self, action: Action, snapshot: Snapshot, now: Instant) -> None:
        """Count what this action, which is done, has changed about a job."""
        if not isinstance(action, FinishJob | WriteJobStatus):
            return
        job = snapshot.jobs.get(action.job)
        if job is None or job.uid != action.uid:
            return
        model = self._model(job.model, snapshot)
        if isinstance(action, FinishJob):
            self._end(model, job.status, now)
        elif action.purpose == "Fail":
            self._end(model, action.status, now)
        elif action.purpose == "Bind" and not job.status.attempts:
            self.waits.labels(model).observe(max(0.0, now - job.submitted))

    def _end(self, model: str, status: JobStatus, now: Instant) -> None:
        said = find(status.conditions, reasons.SUCCEEDED)
        reason = self._reason(said.reason if said is not None else "")
        self.finished.labels(model, status.state, reason).inc()
        if status.start_time is not None:
            self.runs.labels(model).observe(max(0.0, now - parse_time(status.start_time)))

    def _model(self, model: str, snapshot: Snapshot) -> str:
        """The model's own label if somebody offers it: tenants may ask for any name."""
        if model not in self._models:
            if len(self._models) >= MOST_MODELS or not snapshot.providers_of_model.get(model):
                return OTHER
            self._models.add(model)
        return model

    def _reason(self, reason: str) -> str:
        """Reasons are constants; those of runners come over the network, so their number is bounded here too."""
        if reason not in self._reasons:
            if len(self._reasons) >= MOST_REASONS:
                return OTHER
            self._reasons.add(reason)
        return reason
