"""How the payer pays: when something is due, what a payment may cost, and what is never exceeded."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.ton.highload import MAXIMUM_TRANSFERS, OWN_MESSAGE_VALUE, HighloadWallet

#: Above what localton takes, at the prices of the main network: 1.2 and 0.19 million.
COST_OF_BATCH: Final = NanoTon(3_000_000)
COST_OF_TRANSFER: Final = NanoTon(220_000)


class SendingRules(Struct, frozen=True, kw_only=True):
    """Amounts in nanoTON, times in seconds of chain time.

    An account is due from `minimum_payout` on, or when something in it is older than `maximum_delay` and the network
    takes less than one part in `cost_share` of it. `reserve` stays in each lane's wallet. Of one lane, at most
    `open_batches` wait for their outcome. A message is given up `expiry_margin` after its own time-out, since the block
    that shows the time may be of the masterchain, a little ahead of the wallet's shard. `created_at` is `clock_slack`
    behind the newest block, for servers that are behind it. With `bounce`, wallets that don't exist send the coins
    back; without, they keep them until their owner deploys them. Coins from `funders` are deposits.
    An owner may ask for a higher minimum, up to `highest_minimum`, and a longer delay, up to `longest_delay`.
    """

    minimum_payout: NanoTon = NanoTon(10_000_000_000)
    maximum_delay: float = 86_400.0
    highest_minimum: NanoTon = NanoTon(1_000_000_000_000)
    longest_delay: float = 2_592_000.0
    cost_share: int = 100
    daily_cap: NanoTon = NanoTon(MOST_NANOTON)
    daily_cap_per_provider: NanoTon = NanoTon(MOST_NANOTON)
    reserve: NanoTon = NanoTon(1_000_000_000)
    batch_size: int = MAXIMUM_TRANSFERS
    open_batches: int = 4
    resend_after: int = 10
    expiry_margin: int = 60
    clock_slack: int = 5
    bounce: bool = False
    workchains: tuple[int, ...] = (0,)
    funders: tuple[Address, ...] = ()

    def bounded(self, minimum: int, delay: float) -> tuple[NanoTon, float]:
        """What holds of the minimum and the delay that an owner asks for: it can wait for more and longer, not less."""
        least = max(self.minimum_payout, min(minimum, self.highest_minimum))
        return NanoTon(least), max(self.maximum_delay, min(delay, self.longest_delay))


class Lane(Struct, frozen=True):
    """One highload wallet: its subwallet number names it."""

    wallet: HighloadWallet

    @property
    def number(self) -> int:
        """The subwallet."""
        return self.wallet.subwallet

    @property
    def address(self) -> Address:
        """Where its coins are."""
        return self.wallet.address


def cost(transfers: int) -> NanoTon:
    """What the network takes for one batch of so many, at most."""
    return NanoTon(COST_OF_BATCH + transfers * COST_OF_TRANSFER)


def needed(total: NanoTon, transfers: int) -> NanoTon:
    """What a wallet must have for a batch to be carried out, its own message included."""
    return NanoTon(total + cost(transfers) + OWN_MESSAGE_VALUE)
