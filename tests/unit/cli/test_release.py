"""Releasing a provider is a last resort and says so."""

from __future__ import annotations

import pytest

from cocoon.cli.__main__ import main


def test_it_says_what_would_be_lost_before_it_does_anything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "dc1"]) == 1
    assert "loses the receipts" in capsys.readouterr().err
