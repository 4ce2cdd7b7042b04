"""A message on the chain as the books have it when it is confirmed, without a chain."""

from __future__ import annotations

from collections.abc import Sequence

from cocoon.payout.ledger.accounts import payee
from cocoon.payout.ledger.entries import open_accounts
from cocoon.payout.service import Service
from cocoon.payout.store.sending import BATCHES, LANES, TRANSFERS
from tests.payout.kit import CLUSTER, NOW

#: A transfer: the provider's uid, the payee's raw address and nanoTON.
Paid = tuple[str, str, int]


async def confirm(
    service: Service, number: int, paid: Sequence[Paid], network_cost: int, state: str = "confirmed"
) -> None:
    """Put a message with these transfers into the books; transfer ids are `pNUMBER-0` and so on."""
    batch = {
        "number": number, "lane": number, "query": 1, "created_at": int(NOW), "expires_at": int(NOW) + 3600,
        "message": b"m", "message_hash": f"h{number}", "state": state, "transfers": len(paid),
        "total": sum(amount for _, _, amount in paid), "network_cost": network_cost, "reserved": NOW,
    }  # fmt: skip
    transfers = [
        {
            "id": f"p{number}-{place}", "batch": number, "account": payee(CLUSTER, provider, owner).name,
            "cluster": CLUSTER, "provider": provider, "payee": owner, "amount": amount, "purpose": "payout",
            "state": state, "transaction": "ab" * 32 if state == "confirmed" else "", "reserved": NOW,
            "settled": NOW if state == "confirmed" else None,
        }
        for place, (provider, owner, amount) in enumerate(paid)
    ]  # fmt: skip
    async with service.store.writing() as connection:
        await open_accounts(connection, [payee(CLUSTER, provider, owner) for provider, owner, _ in paid])
        await connection.execute(LANES.insert(), [{"subwallet": number, "address": f"a{number}", "timeout": 3600}])
        await connection.execute(BATCHES.insert(), [batch])
        await connection.execute(TRANSFERS.insert(), transfers)
