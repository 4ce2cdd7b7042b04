"""Sealed jobs: bound only where somebody can open them, and told so while nobody can."""

from __future__ import annotations

from cocoon.fleet.plan.actions import PushJob
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.records import Key, Keyring, Keyrings
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan.builders import START, job, node, provider, server
from tests.unit.plan.test_binding import at_work, binds
from tests.unit.plan.test_explain import patience, told
from tests.unit.plan.world import World

HERE = Keyring("https://keyring-0:8443", "e1", "age1first", "d1", answers=True)
SILENT = Keyring("https://keyring-1:8443", "e0", "age1old", "d0")
UNKNOWN = Keyring("https://keyring-2:8443")


def test_a_sealed_job_waits_for_a_keyring() -> None:
    servers = at_work(server("s1"))
    assert binds(provider(), *servers, job(sealed=True)) == {}
    assert binds(provider(), *servers, Keyrings((SILENT, UNKNOWN)), job(sealed=True)) == {}
    assert binds(provider(), *servers, Keyrings((SILENT, HERE)), job(sealed=True)) == {"j1": "s1"}


def test_others_do_not_wait_behind_it() -> None:
    jobs = [job("sealed", sealed=True, parallelism=8, priority=9), job("plain", parallelism=8)]
    assert binds(provider(), *at_work(server("s1")), *jobs) == {"plain": "s1"}


def test_it_is_bound_once_a_keyring_answers_and_no_server_is_started_before() -> None:
    world = World(provider(), node(), job(sealed=True))
    patience(world)
    assert not world.servers
    assert told(world) == (
        "NoKeyring",
        "The input is sealed and this fleet has no keyring to open it with. Ask an administrator for one.",
    )
    world.has(Keyrings((SILENT,)))
    world.now += 60
    patience(world)
    assert told(world)[0] == "NoKeyring"
    assert "no keyring answers" in told(world)[1]
    world.has(Keyrings((HERE,)))
    world.settle()
    assert world.jobs[Key("team/j1")].status.state == "Running"


def test_a_job_that_was_sealed_to_a_lost_key_is_not_tried_again() -> None:
    world = World(provider(), node(), job(sealed=True), Keyrings((HERE,)))
    world.settle()
    (uid,) = world.views
    world.finish(uid, "uid-team-j1/1", "Failed", "SealedToLostKey")
    world.settle()
    assert world.jobs[Key("team/j1")].status.state == "Failed"
    assert sum(isinstance(action, PushJob) for action in world.log) == 1


def test_whom_to_seal_to() -> None:
    assert Keyrings((SILENT, HERE)).current == HERE
    assert Keyrings((UNKNOWN, SILENT)).current == SILENT
    assert Keyrings((UNKNOWN,)).current is None


def test_the_same_keyrings_again_change_nothing() -> None:
    snapshot = Snapshot()
    for record in (node(), provider(), Keyrings((HERE,)), job(sealed=True)):
        snapshot.put(record)
    plan(snapshot, START + 1)
    snapshot.put(Keyrings((HERE,)))
    assert not snapshot.touched.providers


def test_the_recipient_is_in_the_providers_status() -> None:
    world = World(provider(), node())
    world.settle()
    assert world.providers[Key("fleet/dc1")].status.keyring is None
    world.has(Keyrings((SILENT, HERE)))
    world.now += 60
    world.settle()
    shown = world.providers[Key("fleet/dc1")].status.keyring
    assert shown is not None
    assert (shown.recipient, shown.epoch) == ("age1first", "e1")
    assert shown.evidence == "sha256:d1 https://keyring-0:8443"
