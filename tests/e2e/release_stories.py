"""The release is upgraded, and taken and put back, while jobs run: servers, jobs and books go on as if nothing were.

Nothing was released before this version. So what is upgraded from is this chart under an older version, and the upgrade
also brings another image of the runner.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import payout, story
from demo.explain import OPERATOR
from demo.kubectl import Json, condition, until
from tests.e2e.conftest import Demo
from tests.e2e.fleet import Fleet
from tests.e2e.release import release_of, under_version
from tests.e2e.test_money import settled

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
CLAIM = f"data-{payout.NAME}-0"
LONG = str(10**9)
"""nanoTON: the budget of a job that takes half a minute."""
DEFINITIONS = ("cocoonproviders.cocoonfleet.io", "inferencejobs.cocoonfleet.io")


def servers(fleet: Fleet) -> dict[str, tuple[str, list[int]]]:
    """Uid and restarts of each server Pod."""
    pods = fleet.kubectl.every("pod", "app.kubernetes.io/name=cocoon-server")
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            [each["restartCount"] for each in pod["status"]["containerStatuses"]],
        )
        for pod in pods
    }


def uids(fleet: Fleet, *things: tuple[str, str]) -> list[str]:
    """Of what must be the same thing afterwards."""
    found: list[Json | None] = [fleet.kubectl.within(OPERATOR).find(kind, name) for kind, name in things]
    return [str(each["metadata"]["uid"]) if each else "none" for each in found]


def kept(fleet: Fleet) -> list[str]:
    """What no release takes with it."""
    provider = fleet.kubectl.find("cocoonprovider", story.PROVIDER) or {}
    claim = ("persistentvolumeclaim", CLAIM)
    identity = ("secret", "cocoon-fleet-operator-identity")
    return [str(provider["metadata"]["uid"]), *uids(fleet, claim, identity, *(("crd", name) for name in DEFINITIONS))]


def handovers(fleet: Fleet) -> int:
    """How often the Lease has changed hands."""
    lease = fleet.kubectl.within(OPERATOR).find("lease", "cocoon-fleet") or {}
    return int(lease["spec"].get("leaseTransitions", 0))


def test_an_upgrade_restarts_no_server_and_its_jobs_go_on(fleet: Fleet, demo: Demo, tmp_path: Path) -> None:
    release = release_of(fleet.kubectl)
    release.installed(under_version("0.0.9", tmp_path))
    runner = str(release.values["image"]["runner"])
    demo.cluster.tag(runner, f"{runner}-next")
    release.values["image"]["runner"] = f"{runner}-next"
    fleet.sends("upgraded", items=20, tokens=800, budget=LONG)
    fleet.until_working("upgraded")
    before, things, led = servers(fleet), kept(fleet), handovers(fleet)
    release.installed()
    assert handovers(fleet) - led <= 2, "each of the two that led before can have been followed once"
    job = fleet.until_state("upgraded", "Succeeded")
    assert job["status"]["binding"]["attempt"] == 1
    assert servers(fleet) == before
    assert kept(fleet) == things
    settled(fleet, demo, "upgraded")


def test_uninstalled_and_installed_again_it_takes_up_the_same_books_and_jobs(fleet: Fleet, demo: Demo) -> None:
    release = release_of(fleet.kubectl)
    books = settled(fleet, demo).books
    fleet.sends("left-alone", items=16, tokens=800, budget=LONG)
    fleet.until_working("left-alone")
    before, things = servers(fleet), kept(fleet)
    release.uninstalled()
    assert servers(fleet) == before, "servers are the provider's, not the release's"
    assert fleet.job("left-alone")["status"]["state"] == "Running"
    assert kept(fleet) == things
    release.installed()
    assert kept(fleet) == things
    job = fleet.until_state("left-alone", "Succeeded")
    assert job["status"]["binding"]["attempt"] == 1
    assert servers(fleet) == before
    fleet.sends("afterwards", items=1, tokens=10)
    fleet.until_state("afterwards", "Succeeded")
    after = settled(fleet, demo, "left-alone", "afterwards").books
    assert after.work[: len(books.work)] == books.work
    assert after.transfers[: len(books.transfers)] == books.transfers


def test_helm_test_finds_every_part(fleet: Fleet) -> None:
    assert "Succeeded" in release_of(fleet.kubectl).tested()


def test_a_provider_that_is_deleted_goes_with_all_that_was_made_for_it(fleet: Fleet) -> None:
    spec = (fleet.kubectl.find("cocoonprovider", story.PROVIDER) or {})["spec"]
    models = [model | {"servers": model["servers"] | {"minimum": 0}} for model in spec["models"]]
    body = {"apiVersion": "cocoonfleet.io/v1alpha1", "kind": "CocoonProvider", "metadata": {"name": "passing"}}
    fleet.kubectl.apply([body | {"spec": spec | {"models": models}}])

    def ready() -> bool:
        return condition(fleet.kubectl.find("cocoonprovider", "passing"), "Ready").get("status") == "True"

    until(ready, "the provider being ready", 60)
    fleet.kubectl("delete", "cocoonprovider", "passing", "--timeout=60s")
    until(lambda: fleet.kubectl.find("networkpolicy", "passing-servers") is None, "the end of its policy", 60)
