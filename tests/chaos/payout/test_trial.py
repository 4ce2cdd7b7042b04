"""The trial itself: small ones, of a sound sender and of one that has to be caught (`make chaos-payout` has many)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.payout.trial import Plan, Trial

pytestmark = pytest.mark.ton


async def test_everybody_is_paid_once(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    verdict = await Trial(3, database, Plan(works=25, owners=6, kill=0.03)).run()
    assert verdict.exact, verdict
    assert sum(verdict.kills.values()) > 5


async def test_a_sender_that_gives_up_on_a_guess_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = Plan(works=60, owners=20, kill=0.0, lose_database=0.0, careless=True, most_steps=150)
    verdict = await Trial(1, f"sqlite:///{tmp_path}/books", plan).run()
    assert not verdict.exact
    assert verdict.too_much or verdict.drift, verdict
