"""How long is waited after which failure."""

from __future__ import annotations

import pytest

from cocoon.fleet.patience import BUSY, REFUSED, REMEMBERED, Patience
from cocoon.fleet.ports.failures import Busy, Gone, Refused, failure_of


def test_what_is_gone_is_planned_again_at_once_but_not_for_ever() -> None:
    patience = Patience()
    waits = [patience.wait("m", Gone("x")) for _ in range(12)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert 0 < waits[4] < waits[-1] <= 5.0


def test_waits_grow_and_end() -> None:
    patience = Patience()
    waits = [patience.wait("m", Busy("x")) for _ in range(30)]
    assert waits[0] == BUSY[0]
    assert waits == sorted(waits)
    assert waits[-1] == BUSY[1]


def test_the_server_may_ask_for_more() -> None:
    assert Patience().wait("m", Busy("x", retry_after=77.0)) == 77.0


def test_a_refusal_waits_longest() -> None:
    assert Patience().wait("m", Refused("x")) == REFUSED[0] > BUSY[0]


def test_success_and_others_failures_are_not_counted() -> None:
    patience = Patience()
    for _ in range(9):
        patience.wait("a", Busy("x"))
    assert patience.wait("b", Busy("x")) == BUSY[0]
    patience.forget("a")
    assert patience.wait("a", Busy("x")) == BUSY[0]
    assert len(patience) == 2


def test_what_fails_and_vanishes_is_not_remembered_for_ever() -> None:
    patience = Patience()
    for number in range(REMEMBERED + 5):
        patience.wait("lasting", Busy("x"))
        patience.wait(number, Busy("x"))
    assert len(patience) == REMEMBERED
    assert patience.wait("lasting", Busy("x")) == BUSY[1]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, Gone),
        (409, Gone),
        (410, Gone),
        (408, Busy),
        (429, Busy),
        (500, Busy),
        (503, Busy),
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (422, Refused),
    ],
)
def test_every_status_is_one_of_three_failures(status: int, kind: type[Exception]) -> None:
    assert type(failure_of(status, "x")) is kind
