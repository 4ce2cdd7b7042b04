"""What the network takes for a transfer, by how many share a batch: the wallet's balance, proven before and after.

localton runs the real contract code at the prices of the main network. The wallet has been used before: what its
deployment costs is paid once.
"""

from __future__ import annotations

from pathlib import Path

from cocoon.ton.localton.queries import Queries
from cocoon.ton.pytonlib_chain import PytonlibChain
from tests.chaos.payout.chain_world import TON, ChainWorld
from tests.chaos.payout.payer import Payer
from tests.ton.kit import served


async def cost_per_transfer(folder: Path, transfers: int) -> float:
    """In nanoTON, above the amounts, of one batch of so many."""
    world = ChainWorld()
    world.fund()
    lane = world.lanes[0].address
    async with (
        Payer(world, f"sqlite:///{folder}/cost-{transfers}.sqlite") as payer,
        served(Queries(world.chain)) as config,
        PytonlibChain(config) as chain,
    ):
        await payer.owes("first", 0, TON)
        await payer.rounds(3)
        before = (await chain.account(lane)).balance
        for number in range(1, transfers + 1):
            await payer.owes(f"work-{number}", number, TON)
        found = await payer.rounds(3)
        assert found.drift == 0
        assert await payer.owed() == 0
        return (before - (await chain.account(lane)).balance - transfers * TON) / transfers
