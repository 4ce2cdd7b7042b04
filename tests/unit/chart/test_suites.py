"""helm-unittest's suites in the chart, run; and that they can fail."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from devcluster import build
from devcluster.screen import Screen
from tests.unit.chart.conftest import CHART

pytestmark = pytest.mark.helm


@pytest.fixture(scope="session")
def helm_unittest() -> Path:
    return build.ensure(["helm-unittest"], Screen())["helm-unittest"]


def run(program: Path, chart: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, "--strict", chart], capture_output=True, text=True, check=False)


def test_the_charts_own_suites_pass(helm_unittest: Path) -> None:
    done = run(helm_unittest, CHART)
    assert done.returncode == 0, done.stdout + done.stderr
    suites = len(list((CHART / "tests").glob("*_test.yaml")))
    assert suites
    assert f"{suites} passed, {suites} total" in done.stdout


def test_a_broken_chart_does_not_pass(helm_unittest: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(CHART, tmp_path / "cocoon-fleet")
    template = copy / "templates" / "networkpolicy.yaml"
    template.write_text(template.read_text().replace("policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]"))
    done = run(helm_unittest, copy)
    assert done.returncode != 0
    assert "lets nobody in but the chart's test" in done.stdout
