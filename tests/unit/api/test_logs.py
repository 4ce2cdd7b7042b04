"""What a line of a log looks like, whichever part writes it."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from cocoon.api.logs import JsonLines
from cocoon.fleet import logs as of_fleet
from cocoon.payout import logs as of_payout
from cocoon.runner import logs as of_runner


def line(message: str = "A server\nis %s", *, failed: bool = False, **extra: Any) -> dict[str, Any]:
    """One record as it is read back."""
    log = logging.getLogger("cocoon")
    error = sys.exc_info() if failed else None
    record = log.makeRecord("cocoon", logging.INFO, "f", 1, message, ("gone",), error, extra=extra)
    record.created = 1_800_000_000.25
    written = JsonLines().format(record)
    assert "\n" not in written
    return dict(json.loads(written))


def test_a_line_is_one_json_object() -> None:
    assert line(server="default/s1") == {
        "time": "2027-01-15T08:00:00.250+00:00",
        "level": "INFO",
        "logger": "cocoon",
        "message": "A server\nis gone",
        "server": "default/s1",
    }


def test_whatever_is_given_can_be_written_and_replaces_nothing() -> None:
    written = line(time="yesterday", why=ValueError("no"), color_message="red")
    assert written["time"].startswith("2027-")
    assert written["why"] == "no"
    assert "color_message" not in written


def test_a_failure_is_told_with_its_place() -> None:
    try:
        int("it broke")
    except ValueError:
        assert line(failed=True)["exception"].endswith("'it broke'")


@pytest.mark.parametrize("part", ["fleet", "payout", "runner"])
def test_every_part_writes_the_same_lines(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(logging, "basicConfig", given.update)
    {
        "fleet": lambda: of_fleet.set_up("json", "INFO"),
        "payout": lambda: of_payout.set_up("INFO"),
        "runner": of_runner.set_up,
    }[part]()
    assert type(given["handlers"][0].formatter) is JsonLines
