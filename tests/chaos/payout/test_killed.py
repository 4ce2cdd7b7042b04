"""kill -9 of the real service, again and again: everybody is paid once, and its key is in no log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cocoon.ton.localton.queries import Queries
from tests.chaos.payout.chain_world import KEY
from tests.chaos.payout.killed_service import KilledService
from tests.chaos.payout.owners import owner, received_from
from tests.chaos.payout.payer import Payer
from tests.ton.kit import served
from tests.ton.pytoniq_client import pytoniq

pytestmark = pytest.mark.ton
LIVES, EACH = 5, 4


async def test_a_service_that_is_killed_pays_once(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    service = KilledService(tmp_path, database, seed=1)
    async with served(Queries(service.world.chain)) as config:
        service.set_up(config.content)
        making = asyncio.create_task(service.blocks())
        for life in range(LIVES):
            await service.owe(range(life * EACH, (life + 1) * EACH))
            await service.life()
        await service.last_life(lambda: all(service.world.balance(owner(number)) for number in service.owed))
        making.cancel()
        for _ in range(100):
            service.world.next_block(5)
        own = {lane.address.raw() for lane in service.world.lanes}
        async with pytoniq(config) as client:
            got = {number: await received_from(client, owner(number), own) for number in service.owed}
    assert got == service.owed
    payer = Payer(service.world, database)
    payer.zero_state = service.zero_state
    async with payer:
        assert (await payer.rounds(3)).drift == 0
        assert await payer.owed() == 0
    log = (tmp_path / "log").read_bytes()
    assert KEY.private_bytes_raw().hex().encode() not in log
    assert b"Traceback" not in log, log[-2000:]
