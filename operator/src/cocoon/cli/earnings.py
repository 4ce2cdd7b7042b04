"""`kubectl cocoon earnings`: what providers earned, day by day if wanted, from the payout service's books."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import click
from msgspec import Struct

from cocoon.cli import screen
from cocoon.cli.amounts import in_ton
from cocoon.cli.earned import By, Line, as_csv, lines
from cocoon.cli.names import ANY_PROVIDER
from cocoon.cli.options import Reach, on_cluster, output_format, packed
from cocoon.cli.owners import owners
from cocoon.cli.payout_access import PayoutOptions, on_payout, payout_service

_DATE: Final = click.DateTime(["%Y-%m-%d"])


class Wanted(Struct, frozen=True):
    """Which lines, and how. Times are days in UTC."""

    by: By = "provider"
    since: datetime | None = None
    until: datetime | None = None
    output: str | None = None


on_wanted: Final = packed(
    Wanted,
    "wanted",
    click.option("--by", type=click.Choice(["provider", "payee", "day"]), default="provider", show_default=True,
                 help="One line for each provider, for each of its payees, or for each day and provider."),
    click.option("--since", type=_DATE, metavar="YYYY-MM-DD", help="Only from this day on (UTC)."),
    click.option("--until", type=_DATE, metavar="YYYY-MM-DD", help="Only before this day (UTC)."),
    output_format("wide", "json", "yaml", "csv"),
)  # fmt: skip


@click.command("earnings", short_help="what providers earned, owe and were paid")
@click.argument("provider", type=ANY_PROVIDER, required=False)
@on_wanted
@on_cluster
@on_payout
def command(provider: str | None, wanted: Wanted, reach: Reach, payout: PayoutOptions) -> None:
    """Show what providers earned: gross, the payout service's fees, and what of the net is paid, on its way or owed.

    Amounts are TON. The network's cost of payments (-o wide) is borne by the payout service and is in no owner's net.
    """
    asyncio.run(_earnings(provider, wanted, reach, payout))


async def _earnings(name: str | None, wanted: Wanted, reach: Reach, payout: PayoutOptions) -> None:
    known, uid = await owners(reach, name, alone=bool(payout.payout_url))
    balances = wanted.by != "day" and not (wanted.since or wanted.until)
    async with payout_service(reach, payout) as service:
        days = await service.statement(uid, _instant(wanted.since), _instant(wanted.until))
        accounts = await service.accounts(uid) if balances else []
    _print(lines(days, accounts, wanted.by, known), wanted, balances=balances)


def _print(found: list[Line], wanted: Wanted, *, balances: bool) -> None:
    if wanted.output in ("json", "yaml"):
        screen.show({"earnings": found}, wanted.output)
    elif wanted.output == "csv":
        screen.say(as_csv(found).rstrip())
    elif not found:
        screen.note("Nothing was earned yet.")
    else:
        screen.say(_table(found, wanted, balances=balances))


def _table(found: Sequence[Line], wanted: Wanted, *, balances: bool) -> str:
    amounts = ["gross", "fees", "net", "paid"] + (["in_flight", "accrued"] if balances else [])
    about = {"day": ["date", "provider"], "payee": ["provider", "payee"], "provider": ["provider"]}[wanted.by]
    if wanted.output == "wide":
        about, amounts = [*about, "provider_uid", "cluster"], [*amounts, "network_cost"]
    rows = [
        [*(str(getattr(line, name)) for name in about), str(line.jobs), *(_ton(line, name) for name in amounts)]
        for line in found
    ]
    if len(found) > 1:
        totals = [in_ton(sum(int(getattr(line, name) or 0) for line in found)) for name in amounts]
        rows.append(["TOTAL", *[""] * (len(about) - 1), str(sum(line.jobs for line in found)), *totals])
    headers = [name.replace("_", " ").upper() for name in (*about, "jobs", *amounts)]
    return screen.table(headers, rows, right=headers[len(about) :])


def _ton(line: Line, name: str) -> str:
    return in_ton(getattr(line, name) or "0")


def _instant(day: datetime | None) -> float | None:
    return day.replace(tzinfo=UTC).timestamp() if day else None
