"""One screen of the fleet, from objects of a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cocoon.cli.failure import BAD_NEWS, DONE
from tests.api.cli.conftest import Site
from tests.scenario import builders

pytestmark = pytest.mark.api
PROVIDERS, JOBS = "cocoonproviders", "inferencejobs"


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def healthy(site: Site, name: str = "dc1", *more: dict[str, Any]) -> None:
    """A provider that serves, with two of eight GPUs free."""
    created = site.create(PROVIDERS, builders.provider(name, ["minilm"]))
    status = {
        "observedGeneration": created["metadata"]["generation"],
        "conditions": [condition("Ready", "True", "Serving", "The provider takes jobs."), *more],
        "capacity": {"nodes": 2, "gpus": 8, "gpusFree": 2},
        "servers": {"total": 6, "ready": 5, "attested": 6},
        "trust": "Test",
        "models": [{"name": "minilm", "servers": 6, "queued": 1, "running": 3, "price": {"perMillionItems": "1"}}],
        "earnings": {"earned": "2500000000", "accrued": "500000000", "inFlight": "0", "paid": "2000000000"},
    }
    site.say(PROVIDERS, name, status)


def test_an_empty_namespace(site: Site) -> None:
    answer = site.run("status")
    assert (answer.status, answer.out) == (DONE, "")
    assert f"There are no providers and no jobs in namespace {site.namespace}. See all: kubectl cocoon" in answer.err


def test_a_healthy_fleet(site: Site) -> None:
    healthy(site)
    site.create(JOBS, builders.job("waits", "minilm"))
    site.create(JOBS, builders.job("runs", "minilm"))
    site.say(JOBS, "runs", {"state": "Running"})
    answer = site.run("status", "--check")
    assert answer.status == DONE
    assert answer.out.startswith("Nothing needs attention.\n")
    assert answer.row(f"{site.namespace}/dc1")[1:] == ["True", "Test", "2/8", "5/6", "3", "2.5", "0.5"]
    assert answer.row("minilm") == ["minilm", "1", "6", "3", "1"]
    assert answer.row("JOBS")[1:] == ["1", "pending,", "1", "running,", "0", "succeeded,", "0", "failed"]
    assert "Trust Test: development roots vouch for these servers" in answer.out


def test_bad_things_come_first_and_scripts_hear_of_them(site: Site) -> None:
    slow = condition("CapacityAvailable", "False", "NoNodes", "spec.nodes.selector selects no node.")
    healthy(site, "dc1", slow)
    healthy(site, "dc2", condition("WalletValid", "False", "BadChecksum", "The checksum is wrong."))
    answer = site.run("status", "--check")
    assert answer.status == BAD_NEWS
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ATTENTION", "BadChecksum", "NoNodes"]
    assert site.run("status").status == DONE


def test_the_same_trouble_is_told_once(site: Site) -> None:
    healthy(site)
    message = "The checksum is wrong."
    both = [condition(kind, "False", "BadChecksum", message) for kind in ("Ready", "WalletValid")]
    generation = site.objects.get(PROVIDERS, "dc1")["metadata"]["generation"]
    site.say(PROVIDERS, "dc1", {"observedGeneration": generation, "conditions": both})
    assert site.run("status").out.count(message) == 1


def test_a_failed_job_is_news(site: Site) -> None:
    healthy(site)
    site.create(JOBS, builders.job("broken", "minilm"))
    site.say(JOBS, "broken", {"state": "Failed"})
    assert (
        f"1 job of the last day failed; the newest: kubectl cocoon why broken -n {site.namespace}"
        in site.run("status").out
    )


def test_what_others_wrote_does_not_move_the_cursor(site: Site) -> None:
    healthy(site, "dc1", condition("Attested", "False", "Attesting", "evil \x1b[2J\x1b]0;title\x07 text"))
    out = site.run("status").out
    assert "\x1b" not in out
    assert "evil ?[2J?]0;title? text" in out


def test_figures_for_programs(site: Site) -> None:
    healthy(site)
    found = json.loads(site.run("status", "-o", "json").out)
    assert found["providers"][0]["earned"] == "2500000000"
    assert found["jobs"] == {"Pending": 0, "Running": 0, "Succeeded": 0, "Failed": 0}
    assert "gpusFree: 2" in site.run("status", "-o", "yaml").out
