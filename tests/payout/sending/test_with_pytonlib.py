"""The same payments over TCP, with the client that production uses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cocoon.api.trust import Trust
from cocoon.payout.ledger.entries import post
from cocoon.payout.sending.paying import Paying, sending_parts
from cocoon.payout.sending.rounds import Round
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.payout.stamp import stamp
from cocoon.payout.store.writer import Store
from cocoon.ton.localton.queries import Queries
from tests.chaos.payout.chain_world import FUNDER, KEY, TON, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import work
from tests.ton.kit import served

pytestmark = pytest.mark.ton


def when_paid(world: ChainWorld, owners: int) -> tuple[asyncio.Event, Callable[[Round], None]]:
    """An event, and what makes a block after each round and sets the event when all owners have something."""
    event = asyncio.Event()

    def after(_: Round) -> None:
        world.next_block()
        if all(world.balance(owner(number)) for number in range(owners)):
            event.set()

    return event, after


async def test_owners_are_paid_over_tcp(tmp_path: Path, database: str) -> None:
    key = tmp_path / "key"
    key.write_text(KEY.private_bytes_raw().hex())
    settings = PaymentSettings(
        key_file=str(key), lanes=2, first_subwallet=100, minimum_payout=str(TON), round_every=0.01,
        funders=(FUNDER.friendly(),),
    )  # fmt: skip
    world = ChainWorld(lanes=2)
    world.fund()
    registry = CollectorRegistry()
    async with served(Queries(world.chain)) as config, Store(database) as store:
        file = tmp_path / "global.config.json"
        file.write_text(json.dumps(config.content))
        async with sending_parts(settings, file, store) as parts:
            assert [lane.address for lane in parts.lanes] == [lane.address for lane in world.lanes]
            async with store.writing() as connection:
                await stamp(connection, "zero", Trust.TEST, world.now)
                for number in range(20):
                    await post(connection, work(f"r{number}", number, TON, world.now))
            paying = Paying(parts, settings.round_every, registry)
            await paying.open()
            paid, after = when_paid(world, 20)
            task = asyncio.create_task(paying.run(after))
            await asyncio.wait_for(paid.wait(), 60)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            found = await paying.payments.round()
            paying._metrics.show(found, 0)
    assert [world.balance(owner(number)) for number in range(20)] == [TON] * 20
    assert found.drift == 0
    assert b"cocoon_payout_due_accounts 0.0" in generate_latest(registry)
    assert b'cocoon_payout_obstacles{reason="HotWalletEmpty"} 0.0' in generate_latest(registry)
    assert b"cocoon_payout_drift_nanoton 0.0" in generate_latest(registry)
