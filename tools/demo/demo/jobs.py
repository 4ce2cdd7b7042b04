"""The sample jobs: sent, and watched until each is where it should be."""

import time
from collections.abc import Mapping

from demo import runner_metrics, samples, story
from demo.errors import DemoError
from demo.kubectl import Json, Kubectl, condition, until
from demo.screen import Screen

PATIENCE = 300.0
"""Seconds without any change after which watching gives up."""


def send(kubectl: Kubectl, values: Mapping[str, str]) -> None:
    """Delete what an earlier run left, and apply all jobs."""
    kubectl("delete", "inferencejob", *story.JOBS, "--ignore-not-found", "--wait", "--timeout=60s")
    names = tuple(f"{name}-output" for name in story.JOBS)
    until(lambda: not _any(kubectl, names), "the removal of the last run's answers", 60)
    kubectl.apply([samples.load(name, values) for name in story.JOBS])


def _any(kubectl: Kubectl, names: tuple[str, ...]) -> bool:
    return any(each["metadata"]["name"] in names for each in kubectl.every("configmap"))


def watch(kubectl: Kubectl, screen: Screen) -> dict[str, Json]:
    """Show what happens until every job is over, or waits with a reason as it should; the jobs by name."""
    told: dict[str, str] = {}
    changed = time.monotonic()
    while True:
        jobs = {each["metadata"]["name"]: each for each in kubectl.every("inferencejob")}
        if _tell(_news(jobs) | _progress(kubectl, jobs), told, screen):
            changed = time.monotonic()
        if all(_settled(jobs.get(name)) for name in story.JOBS):
            return jobs
        if time.monotonic() - changed > PATIENCE:
            raise DemoError(f"Nothing happened to the jobs for {PATIENCE:.0f} s.")
        time.sleep(0.5)


def _news(jobs: Mapping[str, Json]) -> dict[str, str]:
    return {name: _now(jobs[name]) for name in story.JOBS if name in jobs}


def _progress(kubectl: Kubectl, jobs: Mapping[str, Json]) -> dict[str, str]:
    """How many items the servers of running jobs have answered in their lives, to the hundred: all jobs together."""
    servers = {_server(job) for job in jobs.values() if job.get("status", {}).get("state") == "Running"}
    answered = {server: runner_metrics.total(kubectl, server, runner_metrics.ANSWERED) for server in servers}
    return {server: f"{count // 100 * 100}+ items answered" for server, count in answered.items() if count >= 100}


def _server(job: Json) -> str:
    return str(job["status"]["binding"]["server"].rpartition("/")[2])


def _tell(news: Mapping[str, str], told: dict[str, str], screen: Screen) -> bool:
    fresh = {name: line for name, line in news.items() if told.get(name) != line}
    for name, line in fresh.items():
        screen.say(f"{name:14}  {line}")
    told.update(fresh)
    return bool(fresh)


def _now(job: Json) -> str:
    """What is going on with a job, in a line."""
    status = job.get("status", {})
    state = status.get("state", "Pending")
    usage = status.get("usage", {})
    if state == "Pending":
        return f"Pending    {condition(job, 'Bound').get('message', '')}"
    if state == "Running":
        return f"Running    on {_server(job)}, attempt {status['binding']['attempt']}"
    if state == "Failed":
        return f"Failed     {condition(job, 'Succeeded').get('message', '')}"
    return f"{state}  {usage.get('items', 0)} items answered, {usage.get('failedItems', 0)} refused"


def _settled(job: Json | None) -> bool:
    """Whether the job is over, or is the one that waits and has said for what."""
    if job is None:
        return False
    if job["metadata"]["name"] == story.WAITING and condition(job, "Bound").get("message"):
        return True
    return job.get("status", {}).get("state") in ("Succeeded", "Failed")
