"""Whom to ask for evidence, when, and what the readiness gate shows."""

from __future__ import annotations

from cocoon.api.evidence import Verdict
from cocoon.api.trust import Trust
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.records import Uid
from cocoon.fleet.plan.trust import next_try
from tests.unit.plan.builders import START, job, node, offer, provider, untrusted
from tests.unit.plan.world import World


def asked(world: World) -> int:
    return sum(isinstance(action, act.AttestServer) for action in world.log)


def gate(world: World) -> tuple[str, str]:
    (server,) = world.servers.values()
    return ("", "") if server.attested is None else (server.attested.status, server.attested.reason)


def one_server() -> World:
    world = World(provider("dc1", offer(minimum=1)), node())
    world.settle()
    return world


def test_the_gate_opens_once_and_stays_quiet() -> None:
    world = one_server()
    assert gate(world) == ("True", "Trusted")
    for _ in range(5):
        world.now += 3000
        world.settle()
    written = [action for action in world.log if isinstance(action, act.SetServerCondition)]
    assert len(written) == 1
    assert asked(world) == 6


def test_failing_to_ask_changes_nothing_until_the_verdict_expires() -> None:
    world = one_server()
    world.verdict = lambda _: None
    world.now += 3_000
    world.settle()
    assert gate(world) == ("True", "Trusted")
    world.has(job())
    world.settle()
    assert next(iter(world.jobs.values())).status.state == "Running"
    world.now += 700
    world.settle()
    assert gate(world) == ("False", "VerdictExpired")


def test_a_definite_no_counts_at_once() -> None:
    world = one_server()
    world.verdict = lambda _: untrusted()
    world.now += 3_000
    world.settle()
    assert gate(world) == ("False", "NotTrusted")


def test_trust_below_the_providers_closes_the_gate() -> None:
    world = World(provider("dc1", offer(minimum=1)), node())
    world.verdict = lambda _: Verdict(trusted=True, trust=Trust.TEST, not_after=START + 9_000, evidence="e")
    world.settle()
    assert gate(world) == ("False", "TrustTooLow")


def test_retries_grow_and_renewals_are_spread() -> None:
    good = Verdict(trusted=True, trust=Trust.HARDWARE, not_after=START + 1_000_000, evidence="e")
    waits = [next_try(Uid("a"), START, None, failures, 3600) - START for failures in range(1, 12)]
    assert waits == sorted(waits)
    assert 10 <= waits[0] <= 11
    assert waits[-1] <= 990
    renewals = [next_try(Uid(str(number)), START, good, 0, 3600) - START for number in range(200)]
    assert 3600 * 0.64 <= min(renewals) < max(renewals) <= 3600 * 0.8
    assert len(set(renewals)) == 200
