"""How the payout service is set up where it pays on a local chain: two lanes, small amounts, and no patience."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import structs

from cocoon.api.ton_address import Address
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.payout.settings import ChainSettings, Settings, zero_state
from cocoon.ton.highload import wallet_of
from cocoon.ton.localton.faucet import FAUCET
from tests.chaos.payout.chain_world import KEY, TON
from tests.payout import kit

FIRST_SUBWALLET = 100


def lane_addresses(lanes: int = 2, timeout: int = 120) -> tuple[Address, ...]:
    """The hot wallets."""
    return tuple(wallet_of(KEY, FIRST_SUBWALLET + number, timeout).address for number in range(lanes))


def paying_settings(folder: Path, database: str, cluster: kit.SignedBy, **changes: Any) -> Settings:
    """For the chain whose configuration is in the folder; `changes` are of the payments."""
    (folder / "key").write_text(KEY.private_bytes_raw().hex())
    config = folder / "global.config.json"
    chain = config.read_bytes()
    made = kit.settings(folder, database, cluster)
    config.write_bytes(chain)
    payments = PaymentSettings(
        key_file=str(folder / "key"), lanes=2, first_subwallet=FIRST_SUBWALLET, timeout=120,
        minimum_payout=str(TON // 1_000), reserve=str(TON // 10), round_every=0.1, funders=(FAUCET.address.friendly(),),
    )  # fmt: skip
    return structs.replace(
        made,
        chain=ChainSettings(str(config), (zero_state(config),)),
        payments=structs.replace(payments, **changes),
    )
