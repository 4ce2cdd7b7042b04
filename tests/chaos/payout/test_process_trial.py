"""The trial of real processes itself: one seed on each database (`make chaos-payout` has many)."""

from __future__ import annotations

import pytest

from tests.chaos.payout.process_trials import process_trial

pytestmark = [pytest.mark.ton, pytest.mark.timeout(900)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_everybody_is_paid_once_whatever_dies(kind: str) -> None:
    verdict = process_trial(kind, seed=1)
    assert verdict.exact, verdict
    assert {"service killed", "wall clock jumped", "wallets filled late"} < verdict.faults.keys()
