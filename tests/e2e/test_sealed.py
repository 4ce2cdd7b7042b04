"""Sealed jobs on a real cluster: who holds the keys survives its Pods, one by one, and strangers don't reach it."""

from __future__ import annotations

import io

import pytest

from demo import client, sealed, storage, story
from demo.checks import Checks
from demo.explain import OPERATOR
from demo.kubectl import Json, condition, until
from demo.screen import Screen
from tests.e2e.conftest import Demo
from tests.e2e.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PORT = 8443


def epoch(fleet: Fleet) -> str:
    """Whom jobs are to be sealed to, as the provider says; empty if it names nobody."""
    provider = fleet.kubectl.find("cocoonprovider", story.PROVIDER)
    assert provider is not None
    return str((provider["status"].get("keyring") or {}).get("epoch", ""))


def replace_each_keyring(fleet: Fleet) -> None:
    """Kill one replica after the other, each once the one before is ready again."""
    there = fleet.kubectl.within(OPERATOR)
    for name in sorted(pod["metadata"]["name"] for pod in fleet.pods("keyring")):
        gone = there.find("pod", name)
        there("delete", "pod", name, "--grace-period=0", "--force")

        def back(name: str = name, gone: Json | None = gone) -> bool:
            pod = there.find("pod", name)
            fresh = pod is not None and gone is not None and pod["metadata"]["uid"] != gone["metadata"]["uid"]
            return fresh and condition(pod, "Ready").get("status") == "True"

        until(back, f"another {name}", 120)


def test_a_sealed_job_is_done_though_no_replica_is_the_one_that_made_the_key(fleet: Fleet, demo: Demo) -> None:
    before = epoch(fleet)
    replace_each_keyring(fleet)
    shown = io.StringIO()
    checks = Checks(Screen(shown))
    secret = sealed.secret(storage.fill(demo.cluster))
    job = sealed.run(client.Client.begin(fleet.kubectl), secret, Screen(shown), checks)
    assert not checks.failed, shown.getvalue()
    assert job["metadata"]["labels"]["cocoonfleet.io/sealed-to"] == before == epoch(fleet)
