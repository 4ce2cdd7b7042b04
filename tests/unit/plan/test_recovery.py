"""Jobs under way when things go wrong."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from cocoon.api.money import Usage
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.records import Attempt, Credit, Key, PayoutLink
from cocoon.fleet.plan.remedies import REMEDIES
from tests.unit.plan.builders import job, node, provider
from tests.unit.plan.world import World

JOB = Key("team/j1")


def running(**changes: Any) -> World:
    """A world in which one job runs."""
    world = World(provider(), node(), node("n2"), job(**changes))
    world.settle()
    assert world.jobs[JOB].status.state == "Running"
    world.log.clear()
    return world


def kinds(actions: tuple[act.Action, ...]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_lost_pod_costs_an_attempt() -> None:
    world = running()
    world.lose_pod(Key(world.jobs[JOB].status.binding.server))  # type: ignore[union-attr]  # it runs
    world.settle()
    status = world.jobs[JOB].status
    assert status.binding is not None
    assert status.binding.attempt == 2
    assert [(attempt.number, attempt.reason, attempt.free) for attempt in status.attempts] == [(1, "ServerLost", False)]


def test_attempts_run_out() -> None:
    world = running(attempts=1)
    world.lose_pod(Key(world.jobs[JOB].status.binding.server))  # type: ignore[union-attr]  # it runs
    world.settle()
    status = world.jobs[JOB].status
    assert status.state == "Failed"
    assert {condition.type: condition.reason for condition in status.conditions}["Stalled"] == "AttemptsExhausted"


def test_silence_alone_loses_nothing() -> None:
    world = running()
    (server,) = world.servers.values()
    world.set_reachable(server.uid, reachable=False)
    world.now += 3000
    assert "WriteJobStatus" not in kinds(world.round())
    world.has(replace(world.snapshot.nodes[server.node], not_ready_since=world.now))
    world.now += 299
    assert "WriteJobStatus" not in kinds(world.round())
    world.now += 3
    assert "WriteJobStatus" in kinds(world.round())


def test_a_bind_that_was_not_pushed_is_pushed_after_a_restart() -> None:
    world = running()
    (uid,) = world.views
    world._change_view(uid, attempts={})
    world.restart()
    world.settle()
    assert [action.attempt for action in world.log if isinstance(action, act.PushJob)] == [1]
    assert world.jobs[JOB].status.binding.attempt == 1  # type: ignore[union-attr]  # it runs


def test_a_receipt_that_may_still_come_is_waited_for() -> None:
    world = running()
    (uid,) = world.views
    world._change_view(uid, attempts={}, over={"uid-team-j1/1": False})
    assert not {"PushJob", "WriteJobStatus"} & set(kinds(world.round()))
    world._change_view(uid, over={"uid-team-j1/1": True})
    world.settle()
    status = world.jobs[JOB].status
    assert status.binding is not None
    assert status.binding.attempt == 2
    assert [(each.number, each.reason, each.free) for each in status.attempts] == [(1, "ReceiptMissing", False)]


def test_a_lost_receipt_of_the_last_attempt_ends_the_job() -> None:
    world = running(attempts=1)
    (uid,) = world.views
    world._change_view(uid, attempts={}, over={"uid-team-j1/1": True})
    world.settle()
    assert world.jobs[JOB].status.state == "Failed"


def test_what_a_runner_finished_is_written_once_and_then_forgotten() -> None:
    world = running()
    world.finish_all()
    assert kinds(world.round())[0] == "FinishJob"
    world.settle()
    assert not next(iter(world.views.values())).finished
    assert "FinishJob" not in kinds(world.round())


def test_a_receipt_is_kept_until_the_ledger_has_it() -> None:
    world = World(provider(), node())
    world.has(PayoutLink(configured=True), job(budget=5))
    world.has(Credit("team", 100, 0.0))  # type: ignore[arg-type]  # nanoTON
    world.settle()
    world.finish_all()
    world.has(PayoutLink(configured=True, unreachable_since=world.now))
    world.delete_job(JOB)
    world.settle()
    assert next(iter(world.views.values())).finished
    world.has(PayoutLink(configured=True))
    world.settle()
    assert not next(iter(world.views.values())).finished
    assert len(world.ledger["uid-team-j1"]) == 1


def test_a_receipt_is_kept_if_the_payout_service_goes_away_while_it_is_reported() -> None:
    world = World(provider(), node(), PayoutLink(configured=True), job(budget=5))
    world.has(Credit("team", 100, 0.0))  # type: ignore[arg-type]  # nanoTON
    world.settle()
    world.delete_job(JOB)
    world.round()
    world.round(lambda action: "late" if isinstance(action, act.ReportReceipt) else "done")
    assert kinds(tuple(world.late)) == ["ReportReceipt"]
    world.has(PayoutLink(configured=True, unreachable_since=world.now))
    world.settle()
    assert next(iter(world.views.values())).finished
    world.has(PayoutLink(configured=True))
    world.settle()
    assert not next(iter(world.views.values())).finished
    assert len(world.ledger["uid-team-j1"]) == 1


@pytest.mark.parametrize("outcome", ["Succeeded", "Failed", "Cancelled"])
def test_three_outcomes_end_a_job(outcome: str) -> None:
    world = running()
    (uid,) = world.views
    world.finish(uid, "uid-team-j1/1", outcome)
    world.settle()
    assert world.jobs[JOB].status.state == ("Succeeded" if outcome == "Succeeded" else "Failed")


def test_an_interrupted_attempt_is_tried_again() -> None:
    world = running()
    (uid,) = world.views
    world.finish(uid, "uid-team-j1/1", "Interrupted", "TritonDied")
    world.settle()
    assert world.jobs[JOB].status.binding.attempt == 2  # type: ignore[union-attr]  # it runs again
    assert world.jobs[JOB].status.attempts[0].reason == "TritonDied"


def test_a_deleted_jobs_attempt_is_cancelled_for_good() -> None:
    world = running()
    world.delete_job(JOB)
    (cancelled,) = [action for action in world.round() if isinstance(action, act.CancelAttempt)]
    assert cancelled.final
    assert cancelled.reason == "JobDeleted"


def test_suspending_a_running_job_ends_it() -> None:
    world = running()
    world.edit_job(JOB, suspended=True)
    world.settle()
    assert world.jobs[JOB].status.state == "Failed"
    assert world.jobs[JOB].status.cost is not None


def test_a_suspended_job_waits_and_can_be_resumed() -> None:
    world = World(provider(), node(), job(suspended=True))
    world.settle()
    assert world.jobs[JOB].status.state == "Pending"
    world.edit_job(JOB, suspended=False)
    world.settle()
    assert world.jobs[JOB].status.state == "Running"


def test_a_deadline_ends_a_waiting_and_a_running_job() -> None:
    world = World(
        provider(), node(), job(deadline=World().now + 100), job("j2", model="none", deadline=World().now + 50)
    )
    world.settle()
    world.now += 101
    world.settle()
    assert {name: known.status.state for name, known in world.jobs.items()} == {JOB: "Failed", "team/j2": "Failed"}
    assert world.jobs[JOB].status.receipt is not None


def test_an_attempt_that_does_not_stand_is_stopped_without_pay() -> None:
    world = running()
    (uid,) = world.views
    stray = Attempt(world.jobs[JOB].uid, 7, Usage())
    world._change_view(uid, attempts={**world.views[uid].attempts, "uid-team-j1/7": stray})
    (cancelled,) = [action for action in world.round() if isinstance(action, act.CancelAttempt)]
    assert (cancelled.attempt, cancelled.final, cancelled.reason) == (7, False, "Superseded")


def test_a_runner_that_lost_contact_is_told_what_stands() -> None:
    world = running()
    (uid,) = world.views
    world._change_view(uid, lapsed=True)
    (told,) = [action for action in world.round() if isinstance(action, act.ConfirmStanding)]
    assert told.attempts == ("uid-team-j1/1",)


def test_a_runner_that_answers_is_not_lost_with_its_node() -> None:
    world = running()
    (server,) = world.servers.values()
    world.has(replace(world.snapshot.nodes[server.node], not_ready_since=world.now))
    world.now += 1000
    assert "WriteJobStatus" not in kinds(world.round())


def test_no_input_goes_to_a_server_whose_verdict_has_expired() -> None:
    world = running()
    (uid,) = world.views
    world._change_view(uid, attempts={})
    world.verdict = lambda _: None
    world.now += 4000
    world.settle()
    assert not [action for action in world.log if isinstance(action, act.PushJob)]
    assert world.jobs[JOB].status.binding is not None


def test_a_job_that_was_not_pushed_yet_leaves_a_server_on_its_way_out_for_free() -> None:
    world = running()
    (uid,) = world.views
    world.edit_provider(Key("fleet/dc1"), operation="Drain")
    world.settle()
    world._change_view(uid, attempts={})
    world.settle()
    status = world.jobs[JOB].status
    assert status.binding is None
    assert [(each.reason, each.free) for each in status.attempts] == [("ServerRetiring", True)]
    assert not [action for action in world.log if isinstance(action, act.PushJob)]


def test_a_runner_that_was_told_to_stop_is_told_again_only_after_a_while() -> None:
    world = running()
    (uid,) = world.views
    world.delete_job(JOB)
    told = [action for action in world.round(lambda _: "fails") if isinstance(action, act.CancelAttempt)]
    assert len(told) == 1
    world.snapshot.release(told[0], world.now, done=True)
    world.snapshot.touch_all()
    world.now += 29
    assert "CancelAttempt" not in kinds(world.round())
    world.now += 1
    assert "CancelAttempt" in kinds(world.round())
    assert world.views[uid].attempts == {}


def test_a_job_that_may_not_be_tried_again_says_how_often_it_was() -> None:
    world = running(attempts=1)
    world.lose_pod(Key(world.jobs[JOB].status.binding.server))  # type: ignore[union-attr]  # it runs
    world.settle()
    (stalled,) = (each for each in world.jobs[JOB].status.conditions if each.type == "Stalled")
    assert stalled.message.startswith("1 attempt came to nothing, and the job may have no more. The last one: Server ")
    assert stalled.message.endswith(REMEDIES["AttemptsExhausted"])
    (over,) = (each for each in world.jobs[JOB].status.conditions if each.type == "Succeeded")
    assert stalled.message.startswith(over.message)
