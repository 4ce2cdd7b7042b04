"""What the books say once everything is over: nothing is owed, balances are sums, and the chain agrees."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from cocoon.payout.ledger.entries import wrong_balances
from cocoon.payout.sending.paying import sending_parts
from cocoon.payout.sending.rounds import Payments, Round
from cocoon.payout.settings import read_settings
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.writer import Store
from tests.payout.service_process import ServiceProcess


async def examine(service: ServiceProcess) -> tuple[int | None, str]:
    """Drift in nanoTON (none if the chain could not be read), and what is wrong, of a service that has ended."""
    settings = read_settings(service.config)
    assert settings.payments is not None
    parts = sending_parts(settings.payments, Path(settings.chain.global_config), Store(settings.database_url))
    async with parts as opened, opened.store:
        payments = Payments(opened)
        await payments.open()
        found = await _settled(payments)
        async with opened.store.reading() as connection:
            owed = select(func.sum(ACCOUNTS.c.balance)).where(ACCOUNTS.c.kind.in_(("payee", "in flight")))
            left = int((await connection.execute(owed)).scalar_one() or 0)
            unsound = await wrong_balances(connection)
    wrong = [f"{left} nanoTON are still owed"] * bool(left) + [f"{name} is no sum" for name in unsound]
    wrong += [f"lane {lane}: {why}" for lane, why in found.failed.items()]
    return found.drift, "; ".join(wrong)


async def _settled(payments: Payments) -> Round:
    """A payment can be seen before the hot wallet's own transaction was read: after a few rounds it was."""
    for _ in range(4):
        found = await payments.round()
    return found
