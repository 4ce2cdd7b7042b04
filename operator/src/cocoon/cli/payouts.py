"""`kubectl cocoon payouts`: payments to owners' wallets, with their transactions on the chain."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final, get_args

import click
from msgspec import Struct
from msgspec.structs import asdict

from cocoon.api.payout import Transfer, TransferState
from cocoon.api.times import format_time
from cocoon.cli import screen
from cocoon.cli.amounts import in_ton
from cocoon.cli.names import ANY_PROVIDER
from cocoon.cli.options import Reach, on_cluster, output_format
from cocoon.cli.owners import Owners, owners
from cocoon.cli.payout_access import PayoutOptions, on_payout, payout_service

_TINTS: Final = {"confirmed": screen.GOOD, "expired": screen.DOUBTFUL, "bounced": screen.BAD}


class Payment(Struct, frozen=True, rename="camel"):
    """One transfer; `amount` in nanoTON, times RFC 3339 (empty if not yet), `transaction` the chain's, in hex."""

    id: str
    provider: str
    provider_uid: str
    cluster: str
    payee: str
    amount: str
    purpose: str
    state: str
    reserved: str
    settled: str
    transaction: str


@click.command("payouts", short_help="payments to owners' wallets, and their transactions")
@click.argument("provider", type=ANY_PROVIDER, required=False)
@click.option("--state", type=click.Choice(get_args(TransferState)), help="Only those in this state.")
@output_format("wide", "json", "yaml", "csv")
@on_cluster
@on_payout
def command(provider: str | None, state: str | None, output: str | None, reach: Reach, payout: PayoutOptions) -> None:
    """Show payments to owners' wallets, the newest first: state, amount in TON, and the transaction on the chain.

    reserved: fixed and signed. sent: handed to the chain. confirmed: the chain shows it. expired: it can never happen
    any more, and the amount is owed again. bounced: the wallet sent it back.
    """
    asyncio.run(_payouts(provider, state or "", output, reach, payout))


async def _payouts(name: str | None, state: str, output: str | None, reach: Reach, payout: PayoutOptions) -> None:
    known, uid = await owners(reach, name, alone=bool(payout.payout_url))
    async with payout_service(reach, payout) as service:
        found = [payment(each, known) for each in await service.transfers(uid, state)]
    if output in ("json", "yaml"):
        screen.show({"payouts": found}, output)
    elif output == "csv":
        screen.say(_csv(found).rstrip())
    elif not found:
        screen.note(f"No payment is in the state {state}." if state else "Nothing was paid yet.")
    else:
        screen.say(_table(found, wide=output == "wide"))


def payment(transfer: Transfer, known: Owners) -> Payment:
    """A transfer in words."""
    reserved = format_time(transfer.reserved)
    settled = format_time(transfer.settled) if transfer.settled is not None else ""
    return Payment(
        transfer.id, known.called(transfer.provider), transfer.provider, transfer.cluster, transfer.payee,
        transfer.amount, transfer.purpose, transfer.state, reserved, settled, transfer.transaction,
    )  # fmt: skip


def _csv(found: Iterable[Payment]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Payment.__struct_encode_fields__)
    writer.writerows(asdict(each).values() for each in found)
    return text.getvalue()


def _table(found: Sequence[Payment], *, wide: bool) -> str:
    headers = ["TIME", "PROVIDER", "STATE", "AMOUNT", "TRANSACTION"] + (["ID", "PURPOSE", "PAYEE"] if wide else [])
    rows = []
    for each in found:
        state = screen.Cell(each.state, _TINTS.get(each.state, ""))
        more = (each.id, each.purpose, each.payee) if wide else ()
        time, transaction = each.settled or each.reserved, each.transaction or "-"
        rows.append((time, each.provider, state, in_ton(each.amount), transaction, *more))
    return screen.table(headers, rows, right=("AMOUNT",))
