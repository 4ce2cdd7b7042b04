"""The demo, run once: its cluster carries all stories, and is taken away by the demo's own command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import story
from demo.cluster import DemoCluster, program
from demo.kubectl import Kubectl
from devcluster.cluster import Cluster
from tests.e2e.fleet import Fleet
from tests.e2e.watch import Watch, watching

ROOT = Path(__file__).parents[2]
PROMETHEUS = shutil.which("prometheus")


@dataclass(frozen=True)
class Demo:
    """`python -m demo`, on the tests' own cluster."""

    cluster: DemoCluster

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of it to its end."""
        tools = os.pathsep.join(str(ROOT / "tools" / name) for name in ("devcluster", "images", "demo"))
        arguments = [sys.executable, "-m", "demo", command, "--cluster", self.cluster.name]
        environment = {**os.environ, "PYTHONPATH": tools}
        return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def demo(full_cluster: Cluster) -> Demo:
    """On the cluster that the other tests use: a machine holds one."""
    return Demo(DemoCluster(full_cluster.state.root.name))


@pytest.fixture(scope="session")
def watch(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch | None]:
    """The fleet's figures from its first minute on; none without a Prometheus."""
    if PROMETHEUS is None:
        yield None
        return
    with watching(PROMETHEUS, tmp_path_factory.mktemp("watch"), demo.cluster) as found:
        yield found


@pytest.fixture(scope="session")
def first_run(demo: Demo, watch: Watch | None) -> subprocess.CompletedProcess[str]:
    """The demo's run on a cluster that has seen nothing of it."""
    return demo.run("up")


@pytest.fixture(scope="session")
def fleet(first_run: subprocess.CompletedProcess[str], demo: Demo, watch: Watch | None) -> Fleet:
    """What the demo has set up, for stories of one's own."""
    assert first_run.returncode == 0, first_run.stdout[-3000:] + first_run.stderr[-3000:]
    kubectl = Kubectl(program("node", "kubectl"), demo.cluster.state.admin_kubeconfig, story.NAMESPACE)
    if watch is not None:
        watch.trust(kubectl)
    return Fleet(kubectl, demo.cluster.store)
