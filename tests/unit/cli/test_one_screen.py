"""`status` of a large fleet is still one screen: the troubled come first, and -o wide has all."""

from __future__ import annotations

import pytest

from cocoon.cli.fleet_report import ModelLine, ProviderLine, Report
from cocoon.cli.status import show_report

PROVIDERS = 200
SCREEN = 60


def provider(number: int) -> ProviderLine:
    return ProviderLine(
        provider=f"owners/dc{number:03}",
        ready="False" if number == PROVIDERS - 1 else "True",
        reason="Serving",
        trust="Hardware",
        operation="Serve",
        nodes=1,
        gpus=8,
        gpus_free=0,
        servers=1,
        servers_ready=1,
        servers_attested=1,
        running=1,
        earned="0",
        owed="0",
    )


@pytest.fixture
def report() -> Report:
    models = tuple(ModelLine(f"model{number:03}", 1, 1, 1, int(number == 150)) for number in range(PROVIDERS))
    return Report(tuple(map(provider, range(PROVIDERS))), models, {"Pending": 1}, ())


def test_a_large_fleet(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    show_report(report, wide=False)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < SCREEN
    assert "owners/dc199" in shown, "the one that is not ready"
    assert "model150" in shown, "the one that a job waits for"
    assert shown.count("... and 188 more: -o wide has all.") == 2


def test_all_of_it(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    show_report(report, wide=True)
    shown = capsys.readouterr().out
    assert all(f"owners/dc{number:03}" in shown for number in range(PROVIDERS))
    assert "more:" not in shown
