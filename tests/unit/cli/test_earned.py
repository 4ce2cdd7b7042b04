"""Adding up the payout service's books."""

from __future__ import annotations

from cocoon.api.payout import OwnerAccount
from cocoon.cli.earned import By, as_csv, lines
from cocoon.cli.owners import Owners
from cocoon.cli.payout_service import Day

NAMES = Owners({"u1": "ns/dc1"})
DAYS = [
    Day("2026-11-01", "c", "u1", "0:a", 2, 100, 5, 95, 0, 0),
    Day("2026-11-02", "c", "u1", "0:b", 1, 50, 2, 48, 90, 7),
    Day("2026-11-02", "c", "gone", "0:a", 1, 10, 0, 10, 0, 0),
]
ACCOUNTS = [OwnerAccount("c", "u1", "0:a", "60", "30", "5"), OwnerAccount("c", "u1", "0:b", "1", "2", "85")]


def figures(by: By) -> list[tuple[str, ...]]:
    found = lines(DAYS, ACCOUNTS if by != "day" else [], by, NAMES)
    return [(line.date, line.provider, line.payee, line.net, line.paid, line.in_flight, line.accrued) for line in found]


def test_by_provider() -> None:
    assert figures("provider") == [("", "gone", "", "10", "0", "0", "0"), ("", "ns/dc1", "", "143", "90", "32", "61")]


def test_by_payee() -> None:
    assert figures("payee")[1:] == [
        ("", "ns/dc1", "0:a", "95", "0", "30", "60"),
        ("", "ns/dc1", "0:b", "48", "90", "2", "1"),
    ]


def test_days_have_no_balances() -> None:
    assert figures("day") == [
        ("2026-11-01", "ns/dc1", "", "95", "0", "", ""),
        ("2026-11-02", "gone", "", "10", "0", "", ""),
        ("2026-11-02", "ns/dc1", "", "48", "90", "", ""),
    ]


def test_csv_has_every_column_by_its_name() -> None:
    first, second = as_csv(lines(DAYS[1:2], [], "day", NAMES)).splitlines()
    row = dict(zip(first.split(","), second.split(","), strict=True))
    assert row == {
        "provider": "ns/dc1", "providerUid": "u1", "cluster": "c", "date": "2026-11-02", "payee": "", "jobs": "1",
        "gross": "50", "fees": "2", "net": "48", "paid": "90", "networkCost": "7", "inFlight": "", "accrued": "",
    }  # fmt: skip
