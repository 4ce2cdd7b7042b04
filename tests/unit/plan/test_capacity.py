"""GPUs of nodes whose numbers make no sense are not guessed at, and a runner's silence lets nothing go."""

from __future__ import annotations

import pytest

from cocoon.fleet.plan.capacity import Capacity
from cocoon.fleet.plan.records import ForeignUse
from cocoon.fleet.plan.retirement import is_done
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan.builders import GPU, START, node, server, view


@pytest.mark.parametrize(("used", "free"), [(0, 2), (2, 0), (3, f"3 {GPU} are in use but it has 2")])
def test_more_gpus_in_use_than_there_are_make_no_sense(used: int, free: int | str) -> None:
    capacity = Capacity(16)
    capacity.put_foreign(ForeignUse("n1", {GPU: used}))
    assert capacity.free(node("n1", 2), GPU) == free


@pytest.mark.parametrize(("total", "free"), [(16, 16), (17, f"it reports 17 {GPU}, more than 16")])
def test_more_gpus_than_any_machine_has_make_no_sense(total: int, free: int | str) -> None:
    assert Capacity(16).free(node("n1", total), GPU) == free


@pytest.mark.parametrize(("silent", "heard", "done"), [(None, True, True), (START, True, False), (None, False, False)])
def test_a_server_is_done_only_once_its_runner_said_so(silent: float | None, heard: bool, done: bool) -> None:
    snapshot, there = Snapshot(), server()
    snapshot.put(there)
    snapshot.put(view(there, unreachable_since=silent, heard=heard))
    assert is_done(snapshot, there) is done
