"""The last story, by its file's name: the demo's cluster goes, and the machine is as it was."""

from __future__ import annotations

import pytest

from tests.devcluster.leftovers import Leftovers
from tests.e2e.conftest import Demo
from tests.e2e.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_nothing_of_the_demo_is_left(fleet: Fleet, demo: Demo, before_full_cluster: Leftovers) -> None:
    assert fleet.servers()
    down = demo.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert Leftovers.now().beyond(before_full_cluster) == Leftovers()
    assert not demo.cluster.state.root.exists()
