"""Somebody has the hot wallet's key: run within the payout service's Pod, it sends all but `argv[1]` nanoTON away."""

import asyncio
import sys
from pathlib import Path

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.payout.sending.key_file import read_key
from cocoon.payout.sending.settings import lanes_of
from cocoon.payout.settings import read_settings
from cocoon.ton.global_config import load_global_config
from cocoon.ton.highload import QUERY_IDS, Batch, Transfer, batch_message, query_id
from cocoon.ton.pytonlib_chain import PytonlibChain

SETTINGS = Path("/etc/cocoon-payout/payout.yaml")
HIDEOUT = Address(0, b"\x07" * 32, bounceable=False)
COSTS = 50_000_000


async def main() -> None:
    settings = read_settings(SETTINGS)
    assert settings.payments is not None
    assert settings.chain is not None
    key = read_key(Path(settings.payments.key_file))
    (lane,) = lanes_of(settings.payments, key.public_key().public_bytes_raw())
    async with PytonlibChain(load_global_config(Path(settings.chain.global_config))) as chain:
        state = await chain.account(lane.address)
        loot = Transfer(HIDEOUT, NanoTon(state.balance - int(sys.argv[1]) - COSTS), "thank you")
        # from the far end of the query ids, which the service comes to last
        number = QUERY_IDS - 2 - state.at.utime % 1000
        batch = Batch(query_id(number), state.at.utime - 5, (loot,), deploy=not state.deployed)
        await chain.send(batch_message(lane.wallet, key, batch))


asyncio.run(main())
