"""The mirror knows the newest version of each object, from whichever side it comes, and no ghosts."""

from __future__ import annotations

import time

import pytest

from cocoon.api.resources import JOB, NODE, Manifest
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.ports.resources import Ref
from cocoon.fleet.run import mirror_for
from cocoon.fleet.settings import Settings
from tests.scenario import builders
from tests.scenario.cluster import FakeCluster


@pytest.fixture
def mirror() -> Mirror:
    return mirror_for(Settings(namespace="cocoon-system", identity="a", runner_image="r"), Metrics())


def _job(version: int, priority: int = 0, uid: str = "u1") -> Manifest:
    body = builders.job("j1", "minilm", priority=priority)
    return body | {"metadata": body["metadata"] | {"uid": uid, "resourceVersion": str(version)}}


def _priority(mirror: Mirror) -> int | None:
    job = mirror.snapshot.jobs.get("default/j1")  # type: ignore[call-overload]  # a key by its text
    return None if job is None else int(job.priority)


def test_an_older_version_changes_nothing(mirror: Mirror) -> None:
    mirror.note(JOB, "ADDED", _job(5, priority=5))
    mirror.note(JOB, "MODIFIED", _job(4, priority=4))
    assert _priority(mirror) == 5


def test_the_echo_of_an_own_write_wakes_nobody(mirror: Mirror) -> None:
    mirror.take(JOB, _job(5))
    mirror.changed.clear()
    mirror.note(JOB, "MODIFIED", _job(5))
    assert not mirror.changed.is_set()


def test_a_late_event_does_not_bring_a_deleted_object_back(mirror: Mirror) -> None:
    mirror.note(JOB, "ADDED", _job(5))
    mirror.note(JOB, "DELETED", _job(8))
    mirror.note(JOB, "MODIFIED", _job(7))
    assert _priority(mirror) is None


def test_a_late_deletion_does_not_take_a_new_object_of_that_name(mirror: Mirror) -> None:
    mirror.note(JOB, "ADDED", _job(9, priority=9, uid="u2"))
    mirror.note(JOB, "DELETED", _job(8))
    assert _priority(mirror) == 9


def test_an_object_of_a_deleted_ones_name_is_known(mirror: Mirror) -> None:
    mirror.note(JOB, "ADDED", _job(5))
    mirror.note(JOB, "DELETED", _job(8))
    mirror.note(JOB, "ADDED", _job(9, priority=9, uid="u2"))
    assert _priority(mirror) == 9


def test_an_unreadable_object_is_skipped_and_others_are_not(mirror: Mirror) -> None:
    mirror.note(NODE, "ADDED", {"metadata": {"name": "n1", "resourceVersion": "3", "labels": 5}})
    mirror.note(NODE, "ADDED", builders.gpu_node("n2") | {"metadata": {"name": "n2", "resourceVersion": "4"}})
    assert list(mirror.snapshot.nodes) == ["n2"]


async def test_a_list_drops_ghosts_and_keeps_what_is_newer(mirror: Mirror) -> None:
    cluster = FakeCluster(time.time)
    cluster.put(builders.job("j1", "minilm"))
    await mirror.relist(cluster)
    cluster._vanish(Ref(JOB, "default", "j1"))
    newer = builders.job("j2", "minilm")
    mirror.take(JOB, newer | {"metadata": newer["metadata"] | {"uid": "u2", "resourceVersion": "999999"}})
    await mirror.relist(cluster)
    assert list(mirror.snapshot.jobs) == ["default/j2"]


async def test_an_object_that_is_gone_when_it_is_read_again_is_forgotten(mirror: Mirror) -> None:
    mirror.take(JOB, _job(5))
    assert await mirror.reread(FakeCluster(time.time), JOB, "default/j1") is None
    assert _priority(mirror) is None
