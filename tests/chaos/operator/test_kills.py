"""A small batch of `make chaos-operator`."""

from __future__ import annotations

import pytest

from tests.chaos.operator.__main__ import mortal_fleet
from tests.chaos.operator.trial import Trial, line

pytestmark = pytest.mark.api


def test_an_operator_that_is_killed_again_and_again_loses_nothing() -> None:
    with mortal_fleet() as (fleet, operator):
        verdict = Trial(1, fleet, operator).run(kills=6)
    assert verdict.good, line(verdict)
    assert verdict.kills == 6
    assert verdict.jobs
