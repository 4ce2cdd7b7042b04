"""Why nothing is sent now, for owners to read: pauses, quiet times, an empty wallet, a chain that can't be read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.payout import Hold
from cocoon.payout.sending.rounds import Payments
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.standing import PAUSES

_NOT_PAYING = Hold("NotPaying", "The payout service takes receipts and pays nobody: set up `payments` in its settings.")


async def holds(payments: Payments | None, connection: AsyncConnection, cluster: str) -> Sequence[Hold]:
    """All that concern a cluster's owners; those that concern everybody come first."""
    if payments is None:
        return [_NOT_PAYING]
    found = await holds_of_all(payments, connection)
    pauses = await connection.execute(select(PAUSES).where(PAUSES.c.subject != ""))
    found += await _of_single(connection, cluster, {row.subject: _why(row) for row in pauses})
    unpayable = payments.sender.unpayable
    query = select(ACCOUNTS).where(ACCOUNTS.c.cluster == cluster, ACCOUNTS.c.name.in_(sorted(unpayable)))
    for row in await connection.execute(query):
        found.append(Hold("Unpayable", f"{unpayable[row.name]} Correct the provider's wallet.", row.provider))
    return found


async def holds_of_all(payments: Payments, connection: AsyncConnection, payee: str = "") -> list[Hold]:
    """Those that concern everybody, and a pause of one payee (a raw address) if it is given."""
    pauses = await connection.execute(
        select(PAUSES).where(PAUSES.c.subject.in_(("", payee))).order_by(PAUSES.c.subject)
    )
    return [
        *(Hold("Paused", _why(row)) for row in pauses),
        *(Hold(code, detail) for code, detail in payments.obstacles.items()),
    ]


async def _of_single(connection: AsyncConnection, cluster: str, why: dict[str, str]) -> list[Hold]:
    """Pauses of a provider, or of a payee whichever provider it is of."""
    subjects = sorted(why)
    named = or_(ACCOUNTS.c.provider.in_(subjects), ACCOUNTS.c.payee.in_(subjects))
    mine = (ACCOUNTS.c.cluster == cluster) & (ACCOUNTS.c.kind == "payee")
    rows = await connection.execute(select(ACCOUNTS).where(mine, named).order_by(ACCOUNTS.c.name))
    return [Hold("Paused", why.get(row.provider) or why[row.payee], row.provider) for row in rows]


def _why(row: Row[tuple[str, str]]) -> str:
    reason = f": {row.reason}" if row.reason else "."
    return f"The payer's administrator has paused sending{reason}"
