"""What needs attention, and in which order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cocoon.api.provider import CocoonProvider
from cocoon.cli.concerns import Concern, concerns
from cocoon.fleet.observe.pod import server
from tests.scenario import builders

NOW = 1_800_000_000.0
LONG_AGO, JUST_NOW = "2027-01-15T07:00:00Z", "2027-01-15T07:59:00Z"


def provider(name: str, *conditions: tuple[str, str, str], **more: Any) -> CocoonProvider:
    body = builders.provider(name, ["minilm"], **more)
    body["metadata"]["generation"] = 1
    told = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": f"{kind} is {reason}.",
            "lastTransitionTime": LONG_AGO,
        }
        for kind, status, reason in conditions
    ]
    return msgspec.convert(body | {"status": {"observedGeneration": 1, "conditions": told}}, CocoonProvider)


def row(name: str, state: str, created: str) -> dict[str, str]:
    return {"Namespace": "default", "Name": name, "State": state, "Created": created}


def reasons(found: tuple[Concern, ...]) -> list[str]:
    return [each.reason for each in found]


def test_a_healthy_fleet_is_silent() -> None:
    fine = provider("dc1", ("Ready", "True", "Serving"), ("PayoutsCurrent", "Unknown", "NoPayoutService"))
    jobs = [row("a", "Succeeded", LONG_AGO), row("b", "", JUST_NOW), row("c", "Running", LONG_AGO)]
    assert concerns([fine], [], jobs, NOW) == ()


def test_bad_things_come_first() -> None:
    doubtful = provider("a", ("CapacityAvailable", "False", "NoNodes"))
    bad = provider("b", ("PayoutsCurrent", "False", "Refused"))
    assert reasons(concerns([doubtful, bad], [], [], NOW)) == ["Refused", "NoNodes"]


@pytest.mark.parametrize("reason", ["PayoutServiceUnreachable", "PayoutServiceFailing"])
def test_a_payout_service_that_does_not_work_is_told_once(reason: str) -> None:
    fleet = [provider(name, ("Ready", "True", "Serving"), ("PayoutsCurrent", "Unknown", reason)) for name in "ab"]
    [concern] = concerns(fleet, [], [], NOW)
    message = f"Payouts don't work for 2 providers. PayoutsCurrent is {reason}."
    assert concern == Concern("Bad", "default/a", reason, message)
    [concern] = concerns(fleet[1:], [], [], NOW)
    assert (concern.about, concern.message) == ("default/b", f"Payouts don't work. PayoutsCurrent is {reason}.")


def test_earnings_that_can_not_be_read_are_doubtful_and_asking_is_no_concern() -> None:
    fleet = [provider(name, ("PayoutsCurrent", "Unknown", "EarningsUnread")) for name in "ab"]
    [concern] = concerns(fleet, [], [], NOW)
    assert concern == Concern("Doubtful", "default/a", "EarningsUnread", "PayoutsCurrent is EarningsUnread.")
    assert concerns([provider("a", ("PayoutsCurrent", "Unknown", "AskingPayoutService"))], [], [], NOW) == ()


def test_a_rollout_is_no_concern_until_it_stops() -> None:
    assert concerns([provider("a", ("UpToDate", "False", "RollingOut"))], [], [], NOW) == ()
    assert reasons(concerns([provider("a", ("UpToDate", "False", "RolloutStopped"))], [], [], NOW)) == [
        "RolloutStopped"
    ]


def test_who_does_not_serve_is_told_how_to_resume() -> None:
    [concern] = concerns([provider("a", ("Ready", "False", "Holding"), operation="Hold")], [], [], NOW)
    assert concern.message == "spec.operation is Hold: kubectl cocoon resume a -n default."


def test_jobs_that_wait_for_long_or_failed_lately() -> None:
    jobs = [row("new", "Pending", JUST_NOW), row("old", "Pending", LONG_AGO), row("unseen", "", LONG_AGO)]
    jobs += [row("broken", "Failed", JUST_NOW), row("long-ago", "Failed", "2020-01-01T00:00:00Z")]
    found = {each.reason: each.message for each in concerns([], [], jobs, NOW)}
    assert found["JobsFailed"].startswith("1 job of the last day failed")
    assert found["JobsWaiting"].startswith("2 jobs wait for more than 10m, the first for 60m: kubectl cocoon why old")


@pytest.mark.parametrize("count", [1, 3])
def test_servers_with_the_same_trouble_are_told_together(count: int) -> None:
    waiting = {"name": "triton", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    owner = {"apiVersion": "v1", "kind": "CocoonProvider", "name": "dc1", "uid": "u", "controller": True}
    pods = [
        {
            "metadata": {"name": f"s{number}", "namespace": "default", "uid": str(number), "ownerReferences": [owner]},
            "spec": {"containers": []},
            "status": {"phase": "Pending", "containerStatuses": [waiting]},
        }
        for number in range(count)
    ]
    [concern] = concerns([], [server(pod) for pod in pods], [], NOW)
    assert concern.message.endswith("triton: ImagePullBackOff: no such image")
    assert ("3 servers, such as default/s0" in concern.message) is (count == 3)
