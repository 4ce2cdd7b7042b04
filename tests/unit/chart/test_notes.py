"""What is said when the chart was installed: what to do next, for what was installed, and nothing of what was not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from devcluster import ApiServer
from tests.unit.chart.conftest import CHART
from tests.unit.chart.values import FULL, KEYRING, LOCAL, REAL, Values, changed

pytestmark = [pytest.mark.api, pytest.mark.helm]
EXTERNAL: Values = {"payout": {"external": {"url": "https://payout.example"}}}
FREE, FUND, SEALED, PLAY = "work is free", "Fund each of them", "Jobs can be sealed", "trust=Test"
UNPAID, UNMEASURED, OPEN = (
    "no model is paid for yet",
    "no server's evidence is accepted yet",
    "Whatever runs in this cluster",
)
THEIRS, RECEIPTS = "https://payout.example", "nobody is paid"
ALL = {FREE, FUND, SEALED, PLAY, UNPAID, UNMEASURED, OPEN, THEIRS, RECEIPTS}


def notes(helm: Path, kubeconfig: Path, values: Values) -> str:
    """Helm shows them when something is installed, and in a dry run, for which there must be a cluster.

    Without the CRDs: other tests have put those there that no release owns.
    """
    command: list[str | Path] = [helm, "install", "cocoon-fleet", CHART, "--namespace=cocoon-system", "--values=-"]
    command += ["--set=crds.enabled=false", "--dry-run=client", f"--kubeconfig={kubeconfig}"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, {FREE}),
        (LOCAL, {FUND, PLAY}),
        (REAL, {FUND, UNPAID, UNMEASURED}),
        (changed(REAL, "payout.wallet.pay", value=False), {RECEIPTS, UNPAID, UNMEASURED}),
        (EXTERNAL, {THEIRS}),
        (KEYRING, {FREE, SEALED}),
        (FULL, {FUND, SEALED, UNPAID, UNMEASURED}),
        ({"networkPolicy": {"enabled": False}}, {FREE, OPEN}),
    ],
)
def test_what_is_next(helm: Path, api_cluster: ApiServer, values: Values, said: set[str]) -> None:
    text = notes(helm, api_cluster.kubeconfig, values)
    assert {each for each in ALL if each in text} == said
    assert "helm test cocoon-fleet -n cocoon-system --logs" in text
    assert "cocoon-system:cocoon-fleet:edit-providers" in text
