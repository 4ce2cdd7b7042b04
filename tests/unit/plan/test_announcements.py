"""Which actions people are told of."""

from __future__ import annotations

from msgspec.structs import replace

from cocoon.api.conditions import Condition
from cocoon.api.groups import ATTESTED_CONDITION
from cocoon.api.job import JobStatus
from cocoon.api.money import Price
from cocoon.fleet.plan import job_status
from cocoon.fleet.plan.actions import Action, DeleteServer, FinishJob, SetServerCondition, WriteJobStatus
from cocoon.fleet.plan.announcements import Announcement, announcements
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.provider_news import news
from cocoon.fleet.plan.records import Job
from tests.unit.plan.builders import START, finished, job, node, offer, provider, server
from tests.unit.plan.world import World

CAUSE = Cause("ServerLost", "Server fleet/s1 was lost.")
PRICE = Price(per_million_items="7")


def write(of: Job, status: JobStatus, purpose: str) -> WriteJobStatus:
    return WriteJobStatus(of.key, of.uid, of.resource_version, status, purpose)  # type: ignore[arg-type]  # a literal


def bound(of: Job) -> Job:
    return replace(of, status=job_status.bind(of, server(), provider(), PRICE, START))


def told(action: Action, *records: object) -> list[Announcement]:
    return list(announcements(action, World(*records).snapshot))  # type: ignore[arg-type]  # records


def test_the_first_bind_is_routine_and_the_second_is_not() -> None:
    first = bound(job())
    assert told(write(first, first.status, "Bind")) == []
    again = replace(first, status=job_status.unbind(first, CAUSE, START, free=False))
    (said,) = told(write(again, bound(again).status, "Bind"))
    assert (said.reason, said.warning) == ("Bound", False)
    assert said.message == "Attempt 2 was given to server fleet/s1 at 7/M items."


def test_a_lost_attempt_is_a_warning_unless_it_was_our_doing() -> None:
    for free in (True, False):
        status = job_status.unbind(bound(job()), CAUSE, START, free=free)
        (said,) = told(write(job(), status, "Unbind"))
        assert (said.reason, said.warning) == ("ServerLost", not free)
        assert said.message.startswith("Attempt 1 came to nothing. Server fleet/s1 was lost.")


def test_only_the_first_end_that_is_no_success_is_told() -> None:
    running = bound(job())
    well, badly = finished(running), finished(running, outcome="Failed", code="ModelFailed", detail="It broke.")
    ends = [FinishJob(running.key, running.uid, "1", server().key, event) for event in (well, badly)]
    assert told(ends[0], running) == []
    (said,) = told(ends[1], running)
    assert (said.reason, said.message, said.warning) == ("ModelFailed", "It broke.", True)
    over = replace(running, status=job_status.fail(running, CAUSE, START))
    assert told(ends[1], over) == []


def test_why_a_job_waits_is_told_by_its_status_alone() -> None:
    status = job_status.explain(job(), Cause("NoOffer", "Nobody offers it."), START)
    assert told(write(job(), status, "Explain")) == []


def test_a_verdict_is_told_when_it_changes() -> None:
    shown = Condition(ATTESTED_CONDITION, "False", "NotTrusted", "TcbOutOfDate.", "2027-01-15T08:00:00Z")
    other = replace(shown, message="TcbOutOfDate: update it.")
    action = SetServerCondition(server().key, server().uid, other)
    (said,) = told(action, provider(), server())
    assert (said.kind, said.reason, said.warning, said.about) == ("CocoonProvider", "NotTrusted", True, "fleet/s1")
    assert told(action, provider(), server(attested=shown)) == []


def test_why_a_server_goes_is_told_once() -> None:
    gone = DeleteServer(server().key, server().uid, "Idle", "It had no job for 600 seconds.")
    assert told(gone, provider(), server()) == []
    ended = replace(gone, reason="Ended", message="The Pod has ended: Evicted")
    (said,) = told(ended, provider(), server())
    assert (said.reason, said.warning) == ("ServerLost", True)


def test_a_status_that_says_the_same_is_no_news() -> None:
    world = World(provider("dc1", offer(minimum=2)), node())
    for _ in range(3):
        world.settle()
        world.now += 6
    (known,) = world.providers.values()
    assert news(known, known.status) == ()
    before = replace(known, status=replace(known.status, conditions=()))
    assert news(before, known.status) == ()
