"""Money on its way: it arrives exactly once whatever becomes of the payout service, and strangers don't reach it."""

from __future__ import annotations

import io

import pytest

from demo import settlement, wallets
from demo.checks import Checks
from demo.explain import OPERATOR
from demo.kubectl import condition, until
from demo.screen import Screen
from demo.settlement import Settlement
from tests.e2e.conftest import Demo
from tests.e2e.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def settled(fleet: Fleet, demo: Demo, *jobs: str) -> Settlement:
    """What the books and the chain say once these jobs are paid for; everything in it was checked."""
    shown = io.StringIO()
    checks = Checks(Screen(shown))
    owner = wallets.owner(demo.cluster).raw()
    found = settlement.Wanted(fleet.kubectl, owner, {job: fleet.receipt(job) for job in jobs}).check(checks)
    assert not checks.failed, shown.getvalue()
    return found


def kill_the_payout_service(fleet: Fleet) -> str:
    """At once, as if its node had lost power; the uid of the Pod that is gone."""
    pod = fleet.pod("payout")["metadata"]
    fleet.kubectl.within(OPERATOR)("delete", "pod", pod["name"], "--force", "--grace-period=0")
    return str(pod["uid"])


def until_replaced(fleet: Fleet, gone: str) -> None:
    """Wait until another Pod serves."""

    def serves() -> bool:
        pods = fleet.pods("payout")
        return any(pod["metadata"]["uid"] != gone and condition(pod, "Ready").get("status") == "True" for pod in pods)

    until(serves, "another payout service", 120)


def test_money_arrives_once_though_the_payout_service_is_killed_twice(fleet: Fleet, demo: Demo) -> None:
    before = settled(fleet, demo)
    fleet.sends("paid", items=6, tokens=400)
    fleet.until_working("paid")
    kill_the_payout_service(fleet)
    job = fleet.until_state("paid", "Succeeded")
    until_replaced(fleet, kill_the_payout_service(fleet))
    after = settled(fleet, demo, "paid")
    cost = int(job["status"]["cost"])
    assert cost > 0
    assert after.books.earned - before.books.earned == cost - cost * 500 // 10_000
    arrived = sum(each.amount for each in after.account.incoming)
    assert arrived - sum(each.amount for each in before.account.incoming) == after.books.earned - before.books.earned


def test_a_job_without_a_covered_budget_waits_and_says_so(fleet: Fleet) -> None:
    fleet.sends("too-dear", items=1, tokens=10, budget=str(10**15))
    fleet.until_waiting_for("too-dear", "is not covered")
    fleet.kubectl("delete", "inferencejob", "too-dear")
