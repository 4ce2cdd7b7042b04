"""`make demo` on a real cluster, as a new user sees it."""

from __future__ import annotations

import re
import subprocess
import time

import pytest

from tests.e2e.conftest import Demo
from tests.e2e.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_the_demo_runs_real_jobs_and_verifies_their_receipts(first_run: subprocess.CompletedProcess[str]) -> None:
    assert first_run.returncode == 0, first_run.stdout[-6000:] + first_run.stderr[-3000:]
    assert "✗" not in first_run.stdout
    passed = re.search(r"(\d+) checks passed\n", first_run.stdout)
    assert passed is not None
    assert int(passed[1]) >= 35
    assert len(re.findall("verified ✓", first_run.stdout)) == 5


def test_from_helm_install_to_the_last_job_it_takes_less_than_three_minutes(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    steps = r"(\d+\.\d) s  (?:the operator, [^\n]+ by their Helm chart|play money: [^\n]+|a provider|jobs)\n"
    seconds = [float(found) for found in re.findall(steps, first_run.stdout)]
    assert len(seconds) == 4, first_run.stdout[-6000:]
    assert sum(seconds) < 180


def test_the_demo_ends_with_ton_on_the_chain(first_run: subprocess.CompletedProcess[str]) -> None:
    last = first_run.stdout.strip().splitlines()[-1]
    balance = re.search(r"has (0\.\d{9}) TON on the chain, says an independent client", last)
    assert balance is not None, last
    assert float(balance[1]) > 0.01
    assert len(re.findall(r"  [a-z2-7]{10}-[a-z2-7]{16}  [0-9a-f]{16}…", first_run.stdout)) == 5, (
        "a transfer for each job"
    )


def test_the_demo_shows_that_a_sealed_input_is_nowhere_and_that_changes_are_caught(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    places = re.findall(r"✓ the sentence is not (?:in|on) (all objects|the logs|etcd|the disk)", first_run.stdout)
    assert sorted(set(places)) == ["all objects", "etcd", "the disk", "the logs"]
    changed = re.findall(r"✓ one byte of (a sealed input|the [a-z']+(?: evidence)?)[ a-z]* changed", first_run.stdout)
    assert len(changed) == 4, changed


def test_the_operator_needs_no_right_that_the_chart_does_not_give(fleet: Fleet) -> None:
    operator = fleet.kubectl.within("cocoon-system")
    logs = operator("logs", "--selector=app.kubernetes.io/component=operator", "--tail=-1")
    assert "lead" in logs
    assert "forbidden" not in logs


def test_a_second_run_is_short_and_comes_to_the_same(fleet: Fleet, demo: Demo) -> None:
    servers = fleet.servers()
    begun = time.monotonic()
    second = demo.run("up")
    assert second.returncode == 0, second.stdout[-6000:] + second.stderr[-3000:]
    assert time.monotonic() - begun < 180
    assert fleet.servers() == servers, "a second run restarts no server"
