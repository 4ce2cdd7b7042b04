"""What Prometheus is shown of the fleet, and that nobody can blow it up."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from cocoon.api.conditions import Condition
from cocoon.api.job import JobStatus
from cocoon.fleet.gauges import set_gauges
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.outcomes import MOST_MODELS, MOST_REASONS, Outcomes
from cocoon.fleet.plan.actions import FinishJob, WriteJobStatus
from cocoon.fleet.plan.memory import Avoided
from cocoon.fleet.plan.records import ForeignUse, PayoutLink
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan import builders as a
from tests.unit.plan.builders import START


def shown(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"cocoon_fleet_{name}", labels)


def counted(snapshot: Snapshot, now: float = START) -> Metrics:
    metrics = Metrics()
    set_gauges(snapshot, metrics, now)
    return metrics


def test_gpus_add_up_whatever_state_their_nodes_are_in() -> None:
    snapshot = Snapshot()
    snapshot.put(a.provider())
    for name in ("n1", "n2", "n3", "n4"):
        snapshot.put(a.node(name, cordoned=name == "n3"))
    snapshot.put(a.server("s1", node="n1", gpus=2))
    snapshot.put(ForeignUse("n2", {"nvidia.com/pgpu": 3}))
    snapshot.memory.avoided["n4"] = Avoided(1, START + 60, "NotTrusted: …")
    metrics = counted(snapshot)
    found = {state: shown(metrics, "gpus", state=state) for state in ("Serving", "Others", "Free", "Unavailable")}
    assert found == {"Serving": 2, "Others": 3, "Free": 6 + 5, "Unavailable": 16}
    assert shown(metrics, "nodes", state="Quarantined") == 1
    assert shown(counted(snapshot, START + 61), "nodes", state="Quarantined") == 0


def test_verdicts_are_shown_by_outcome_and_reason() -> None:
    snapshot = Snapshot()
    snapshot.put(a.provider())
    servers = [a.server(name) for name in ("s1", "s2", "s3", "s4")]
    for server in servers:
        snapshot.put(server)
    snapshot.put(a.attestation(servers[0]))
    snapshot.put(a.attestation(servers[1], verdict=a.untrusted("TcbOutOfDate")))
    snapshot.put(a.attestation(servers[2], failures=2, failure="it does not answer"))
    metrics = counted(snapshot)
    trusted = {"trust": "Hardware", "reason": ""}
    assert shown(metrics, "verdicts", outcome="Trusted", **trusted) == 1
    assert shown(metrics, "verdicts", outcome="Renewing", **trusted) == 1
    assert shown(metrics, "verdicts", outcome="Untrusted", trust="Hardware", reason="TcbOutOfDate") == 1
    assert shown(metrics, "verdicts", outcome="Unknown", trust="", reason="") == 1
    later = counted(snapshot, START + 1e6)
    assert shown(later, "verdicts", outcome="Expired", **trusted) == 2


def test_jobs_wait_for_a_reason() -> None:
    snapshot = Snapshot()
    snapshot.put(a.provider())
    no_slots = Condition("Bound", "False", "NoFreeSlots", "…", "2027-01-15T08:00:00Z", 1)
    snapshot.put(a.job("j1", submitted=START - 50, status=JobStatus(conditions=(no_slots,))))
    snapshot.put(a.job("j2", submitted=START - 40))
    snapshot.put(a.job("j3", model="a-name-that-a-tenant-made-up"))
    metrics = counted(snapshot)
    assert shown(metrics, "waiting_jobs", model="minilm", reason="NoFreeSlots") == 2
    assert shown(metrics, "waiting_jobs", model="other", reason="Queued") == 1
    assert shown(metrics, "longest_wait_seconds", model="minilm") == 50


def test_receipts_that_nobody_took() -> None:
    snapshot = Snapshot()
    snapshot.put(PayoutLink(configured=True, unreachable_since=START - 7))
    over = JobStatus(state="Succeeded", cost="3", receipt="a.b.c", completion_time="2027-01-15T08:00:00Z")
    snapshot.put(a.job("j1", budget=100, status=over))
    taken = Condition("Reported", "True", "Accepted", "…", "2027-01-15T08:00:00Z", 1)
    snapshot.put(a.job("j2", budget=100, status=over))
    metrics = counted(snapshot, 1_800_000_060.0)
    assert shown(metrics, "unreported_receipts") == 2
    assert shown(metrics, "oldest_unreported_seconds") == 60
    assert shown(metrics, "payout_unreachable_seconds") == 1_800_000_060.0 - START + 7
    reported = JobStatus(
        state="Succeeded", cost="3", receipt="a.b.c", completion_time="2027-01-15T08:00:00Z", conditions=(taken,)
    )
    snapshot.put(a.job("j2", budget=100, status=reported))
    assert shown(counted(snapshot), "unreported_receipts") == 1


def test_ends_and_waits_are_counted_once() -> None:
    snapshot, registry = Snapshot(), CollectorRegistry()
    outcomes = Outcomes(registry)
    snapshot.put(a.provider())
    waiting = a.job("j1", submitted=START - 3)
    snapshot.put(waiting)
    bound = WriteJobStatus(waiting.key, waiting.uid, "1", JobStatus(state="Running"), "Bind")
    outcomes.note(bound, snapshot, START)
    said = Condition("Succeeded", "True", "Completed", "…", "2027-01-15T08:00:00Z", 1)
    over = JobStatus(state="Succeeded", conditions=(said,), start_time="2027-01-15T08:00:00Z")
    snapshot.put(a.job("j1", submitted=START - 3, status=over))
    end = FinishJob(waiting.key, waiting.uid, "1", a.server().key, a.finished(waiting))
    outcomes.note(end, snapshot, 1_800_000_010.0)
    labels = {"model": "minilm", "outcome": "Succeeded", "reason": "Completed"}
    assert registry.get_sample_value("cocoon_fleet_jobs_finished_total", labels) == 1
    assert registry.get_sample_value("cocoon_fleet_job_wait_seconds_sum", {"model": "minilm"}) == 3
    assert registry.get_sample_value("cocoon_fleet_job_run_seconds_sum", {"model": "minilm"}) == 10


def test_what_others_name_does_not_become_a_label_without_end() -> None:
    snapshot, registry = Snapshot(), CollectorRegistry()
    outcomes = Outcomes(registry)
    for number in range(1000):
        job = a.job(f"j{number}", model=f"made-up-{number}")
        snapshot.put(job)
        said = Condition("Succeeded", "False", f"Code{number}", "…", "2027-01-15T08:00:00Z", 1)
        failed = JobStatus(state="Failed", conditions=(said,))
        outcomes.note(WriteJobStatus(job.key, job.uid, "1", failed, "Fail"), snapshot, START)
    [family] = [family for family in registry.collect() if family.name == "cocoon_fleet_jobs_finished"]
    series = [sample.labels for sample in family.samples if sample.name.endswith("_total")]
    assert {labels["model"] for labels in series} == {"other"}
    assert len(series) == MOST_REASONS + 1 <= MOST_MODELS
