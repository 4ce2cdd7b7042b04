"""What happens to running jobs when machines are taken away, and where servers can't go."""

from __future__ import annotations

import pytest

from demo.kubectl import until
from tests.e2e.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
NODE = "real-0"


def test_a_job_survives_the_loss_of_its_server(fleet: Fleet) -> None:
    fleet.sends("survivor", items=6, tokens=800)
    fleet.until_working("survivor")
    lost = fleet.server_of("survivor")
    fleet.kubectl("delete", "pod", lost, "--force", "--grace-period=0")
    job = fleet.until_state("survivor", "Succeeded")
    assert job["status"]["binding"]["attempt"] == 2
    assert fleet.server_of("survivor") != lost
    assert fleet.answered_ids("survivor") == [f"i{number}" for number in range(6)]
    claims = fleet.receipt("survivor").claims
    assert (claims.attempt, claims.outcome, claims.usage.items) == (2, "Succeeded", 6)


def test_draining_the_node_lets_the_job_finish_and_keeps_new_ones_waiting(fleet: Fleet) -> None:
    fleet.sends("finisher", items=6, tokens=500)
    fleet.until_working("finisher")
    drained = fleet.server_of("finisher")
    try:
        selector = "--pod-selector=app.kubernetes.io/name=cocoon-server"
        fleet.kubectl("drain", NODE, selector, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
        job = fleet.until_state("finisher", "Succeeded", seconds=10)
        assert job["status"]["binding"]["attempt"] == 1, "the server was given time to finish"
        assert drained not in fleet.servers()
        fleet.sends("patient", items=1, tokens=10)
        until(lambda: "cordoned" in fleet.why_pending("patient"), "the job saying why it waits", 60)
    finally:
        fleet.kubectl("uncordon", NODE)
    fleet.until_state("patient", "Succeeded")
