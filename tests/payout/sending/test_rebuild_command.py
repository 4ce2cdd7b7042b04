"""`rebuild`, from the settings file's point of view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs

from cocoon.api.money import Usage
from cocoon.payout.reconciling.command import BadRebuild, run
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.payout.settings import ChainSettings, Settings
from cocoon.ton.localton.queries import Queries
from tests.chaos.payout.chain_world import FUNDER, KEY, TON, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import Payer
from tests.payout import kit
from tests.ton.kit import served

pytestmark = pytest.mark.ton


async def earn(folder: Path, database: str) -> None:
    """A receipt of 1.9 TON after fees, in the archive."""
    async with kit.world(folder, database) as service:
        await service.administrator.credit()
        machine = await service.server(owner(1).friendly())
        receipt = machine.receipt(usage=Usage(items=1_000_000), budget=str(100 * TON))
        assert (await service.operator.hand_in(receipt)).status == 201


def settings_of(folder: Path, zero_state: str) -> Settings:
    key = folder / "key"
    key.write_text(KEY.private_bytes_raw().hex())
    return Settings(
        archive=str(folder / "service" / "archive"),
        database=f"sqlite:///{folder}/new",
        chain=ChainSettings(str(folder / "global.config.json"), (zero_state,)),
        policy=kit.policy(),
        payments=PaymentSettings(key_file=str(key), first_subwallet=100, funders=(FUNDER.friendly(),)),
    )


async def test_books_are_made_again_by_the_command(tmp_path: Path) -> None:
    world = ChainWorld()
    world.fund()
    (tmp_path / "service").mkdir()
    await earn(tmp_path / "service", f"sqlite:///{tmp_path}/old")
    zero_state = world.port().zero_state.root_hash.hex()
    settings = settings_of(tmp_path, zero_state)
    async with served(Queries(world.chain)) as config:
        (tmp_path / "global.config.json").write_text(json.dumps(config.content))
        await run(settings)
        with pytest.raises(BadRebuild, match="not empty"):
            await run(settings)
    payer = Payer(world, settings.database)
    payer.zero_state = zero_state
    async with payer:
        assert await payer.owed() == 1_900_000_000
        assert (await payer.round()).drift == 0


async def test_without_a_wallet_there_is_no_history(tmp_path: Path) -> None:
    with pytest.raises(BadRebuild, match="payments"):
        await run(structs.replace(settings_of(tmp_path, ""), payments=None))
