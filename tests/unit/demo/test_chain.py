"""The demo's own look at the chain, on a local chain in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.ton.localton.queries import Queries
from demo import chain
from tests.ton.kit import TON, Payer, payee, served, transfers

pytestmark = pytest.mark.ton


async def test_it_sees_what_came_and_from_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    payer = Payer()
    payer.pay(0, transfers(2))
    payer.pay(1, transfers(1, amount=7))
    async with served(Queries(payer.chain)) as config:
        port = config.content["liteservers"][0]["port"]
        addresses = (payee(1).raw(), payer.wallet.address.raw(), payee(99).raw())
        paid, hot, nobody = await chain._read(config.content, port, addresses)
    source = payer.wallet.address.raw()
    assert paid.incoming == (
        chain.Incoming(source, 7, "payment-1"),
        chain.Incoming(source, TON, "payment-1"),
    )
    assert 0 <= TON + 7 - paid.balance < 10
    assert len(hot.transactions) == 4
    assert (nobody.address, nobody.balance, nobody.incoming) == (payee(99).raw(), 0, ())
