"""Keys come and go while sealed jobs wait: an old keyring stays for as long as it is kept, and a lost key is said.

The jobs are sealed and suspended first, and resumed when the keyring they were sealed to is an earlier one, or none.
"""

from __future__ import annotations

import pytest

from demo import client, sealed, storage
from demo.explain import OPERATOR
from demo.kubectl import Json, condition, until
from tests.e2e.conftest import Demo
from tests.e2e.fleet import Fleet
from tests.e2e.release import release_of
from tests.e2e.test_sealed import epoch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
FIRST: Json = {"generation": ""}
"""The keyring that the demo came with."""


def seals(fleet: Fleet, demo: Demo, *names: str) -> str:
    """Jobs that are sealed to the keyring of today, and wait until they are resumed; the epoch of its key."""
    at, plain = client.Client.begin(fleet.kubectl), sealed.secret(storage.fill(demo.cluster))
    jobs = [sealed.seal(at, plain, name) for name in names]
    for job in jobs:
        job["spec"]["suspend"] = True
    fleet.kubectl("delete", "inferencejob", *names, "--ignore-not-found", "--wait")
    fleet.kubectl.apply(jobs)
    (found,) = {str(job["metadata"]["labels"]["cocoonfleet.io/sealed-to"]) for job in jobs}
    return found


def resumes(fleet: Fleet, name: str) -> None:
    fleet.kubectl("patch", "inferencejob", name, "--type=merge", '--patch={"spec":{"suspend":false}}')


def becomes(fleet: Fleet, generation: str, *previous: Json) -> None:
    """`helm upgrade` to a keyring of this generation, beside those."""
    release = release_of(fleet.kubectl)
    release.values["keyring"] |= {"generation": generation, "previous": list(previous)}
    release.installed()


def sealed_to_another(fleet: Fleet, known: str) -> None:
    until(lambda: epoch(fleet) not in ("", known), "the provider naming another key", 120)


def lost(fleet: Fleet, name: str, key: str) -> None:
    """The job fails, and says which key is gone."""
    resumes(fleet, name)
    told = condition(fleet.until_state(name, "Failed"), "Succeeded")
    assert told["reason"] == "SealedToLostKey"
    assert key in told["message"]


def test_jobs_that_are_sealed_to_a_key_which_all_replicas_have_lost_say_so(fleet: Fleet, demo: Demo) -> None:
    old = seals(fleet, demo, "sealed-to-lost")
    there = fleet.kubectl.within(OPERATOR)
    there("delete", "pod", "--selector=app.kubernetes.io/component=keyring", "--grace-period=0", "--force")
    sealed_to_another(fleet, old)
    lost(fleet, "sealed-to-lost", old)


def test_an_old_keyring_stays_beside_the_new_one_until_no_job_needs_it(fleet: Fleet, demo: Demo) -> None:
    old = seals(fleet, demo, "sealed-before", "sealed-too-late")
    becomes(fleet, "2", FIRST)
    sealed_to_another(fleet, old)
    resumes(fleet, "sealed-before")
    fleet.until_state("sealed-before", "Succeeded")
    becomes(fleet, "2")
    lost(fleet, "sealed-too-late", old)
