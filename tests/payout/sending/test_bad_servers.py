"""Paying while the only lite-server lies, lags or is gone: nobody is paid on its word, and all goes on with another."""

from __future__ import annotations

import pytest

from cocoon.ton.chain import Lagging, Lying, Unreachable
from cocoon.ton.localton.queries import Queries
from cocoon.ton.pytonlib_chain import Limits, PytonlibChain
from tests.chaos.payout.chain_world import TON, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import Payer
from tests.ton.kit import config_of, served
from tests.ton.test_lies import FrozenHead, RichAccount

pytestmark = pytest.mark.ton
LIMITS = Limits(call_seconds=2.5)


@pytest.mark.parametrize(
    ("server", "code"), [(RichAccount, Lying.code), (FrozenHead, Lagging.code), (None, Unreachable.code)]
)
async def test_nobody_is_paid_on_its_word(database: str, server: type[Queries] | None, code: str) -> None:
    world = ChainWorld()
    for _ in range(4):
        world.next_block()
    world.fund()
    bad = server(world.chain) if server else Queries(world.chain)
    async with (
        served(Queries(world.chain)) as good,
        served(bad) as wrong,
        PytonlibChain(good, LIMITS) as chain,
        Payer(world, database, chain=chain) as payer,
    ):
        assert (await payer.rounds(2)).drift == 0
        gone = {**wrong.content, "liteservers": [{**wrong.content["liteservers"][0], "port": 1}]}
        chain.reconfigure(wrong if server else config_of(gone))
        await payer.owes("r1", 1, TON)
        found = await payer.rounds(2)
        assert found.failed[world.lanes[0].number].startswith(code)
        assert await payer.transfers() == []
        chain.reconfigure(good)
        assert (await payer.rounds(4)).drift == 0
        assert world.balance(owner(1)) == TON
        assert [state for _, state, _ in await payer.transfers()] == ["confirmed"]
