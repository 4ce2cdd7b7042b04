"""Statement and balances of the payout service, added up to one line for each thing that was asked about.

gross  what clients paid for finished work          net   gross - fees: the owner's
fees   what the payout service keeps of it          paid  confirmed on the chain
network cost   what the chain took for the payments, which the payout service bears: it is in no owner's net
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from cocoon.api.payout import OwnerAccount
from cocoon.cli.owners import Owners
from cocoon.cli.payout_service import Day

By = Literal["provider", "payee", "day"]


class Line(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line; amounts are strings of nanoTON. `in_flight` and `accrued` are as of now: days have none."""

    provider: str
    provider_uid: str
    cluster: str
    date: str = ""
    payee: str = ""
    jobs: int = 0
    gross: str = "0"
    fees: str = "0"
    net: str = "0"
    paid: str = "0"
    network_cost: str = "0"
    in_flight: str = ""
    accrued: str = ""


def lines(days: Iterable[Day], accounts: Iterable[OwnerAccount], by: By, known: Owners) -> list[Line]:
    """Statement and balances added up to one line for each thing that was asked about."""
    sums: dict[tuple[str, str, str, str], list[int]] = {}
    for day in days:
        key = _key(by, day.cluster, day.provider, day.payee, day.date)
        figures = (day.jobs, day.gross, day.fees, day.net, day.paid, day.network_cost, 0, 0)
        sums[key] = [old + more for old, more in zip(sums.get(key, [0] * 8), figures, strict=True)]
    for account in accounts:
        line = sums.setdefault(_key(by, account.cluster, account.provider, account.payee, ""), [0] * 8)
        line[6] += int(account.in_flight)
        line[7] += int(account.accrued)
    named = [_line(key, figures, known, balances=by != "day") for key, figures in sums.items()]
    return sorted(named, key=lambda line: (line.date, line.provider, line.payee))


def _key(by: By, cluster: str, provider: str, payee: str, date: str) -> tuple[str, str, str, str]:
    return cluster, provider, payee if by == "payee" else "", date if by == "day" else ""


def _line(key: tuple[str, str, str, str], figures: Sequence[int], known: Owners, *, balances: bool) -> Line:
    cluster, provider, payee, date = key
    jobs, *amounts = figures
    gross, fees, net, paid, network, in_flight, accrued = map(str, amounts)
    now = (in_flight, accrued) if balances else ("", "")
    name = known.called(provider)
    return Line(name, provider, cluster, date, payee, jobs, gross, fees, net, paid, network, *now)


def as_csv(found: Iterable[Line]) -> str:
    """All columns, whichever are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, Line.__struct_encode_fields__)
    writer.writeheader()
    for line in found:
        writer.writerow(dict(zip(Line.__struct_encode_fields__, asdict(line).values(), strict=True)))
    return text.getvalue()
