"""Settings, Events and keys."""

from __future__ import annotations

import pytest

from cocoon.fleet.act.announce import BURST, QUIET, Announcer, event
from cocoon.fleet.metrics import OUTCOMES, Metrics
from cocoon.fleet.plan.announcements import Announcement
from cocoon.fleet.plan.records import Key, Uid
from cocoon.fleet.receipt_keys import ReceiptKeys
from cocoon.fleet.settings import read_settings


def test_a_flag_beats_a_variable_and_a_variable_the_default() -> None:
    environment = {"COCOON_FLEET_PORT": "9000", "COCOON_FLEET_LEASE": "other", "POD_NAME": "pod-1"}
    settings = read_settings(["--port=9001", "--namespaces=a,b", "--allow-test-roots"], environment)
    assert (settings.port, settings.lease, settings.identity) == (9001, "other", "pod-1")
    assert settings.namespaces == ("a", "b")
    assert settings.allow_test_roots
    assert not read_settings([], {}).allow_test_roots


def test_nonsense_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--port=many"], {})
    assert "--port" in capsys.readouterr().err


def _announce(reason: str = "R", uid: str = "u1") -> Announcement:
    return Announcement("InferenceJob", Key("default/j1"), Uid(uid), reason, "m" * 5000)


def test_an_event_fits_the_api() -> None:
    body = event(_announce("R" * 200), "operator-1", 1_800_000_000.5)
    assert len(str(body["message"])) == 1024
    assert len(str(body["reason"])) == 128


def test_the_same_is_not_said_twice_soon() -> None:
    announcer = Announcer("operator-1", Metrics())
    assert announcer._may_say(_announce(), 1000.0)
    assert not announcer._may_say(_announce(), 1000.0 + QUIET - 1)
    assert announcer._may_say(_announce(), 1000.0 + QUIET)
    assert announcer._may_say(_announce("other"), 1000.0 + QUIET)


def test_not_too_much_is_said_at_once() -> None:
    metrics = Metrics()
    announcer = Announcer("operator-1", metrics)
    announcer.say(tuple(_announce(uid=f"u{number}") for number in range(200)), 1000.0)
    announcer.say((_announce(uid="u1"),), 1000.0)
    announcer.forget()
    assert counted(metrics) == {"TooMany": 200 - int(BURST), "SaidBefore": 1, "Forgotten": int(BURST)}


def counted(metrics: Metrics) -> dict[str, float]:
    """What became of Events, as Prometheus reads it."""
    found = {
        outcome: metrics.registry.get_sample_value("cocoon_fleet_announcements_total", {"outcome": outcome}) or 0.0
        for outcome in OUTCOMES
    }
    return {outcome: count for outcome, count in found.items() if count}


def test_no_key_signs_nonsense() -> None:
    keys = ReceiptKeys()
    keys.add(Uid("s1"), bytes(32))
    assert not keys.signed(Uid("s1"), "a.b.c")
    assert not keys.signed(Uid("s2"), "a.b.c")
