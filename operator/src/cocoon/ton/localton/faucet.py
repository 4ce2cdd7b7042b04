"""Coins for whoever asks: an ordinary highload wallet that is rich from the chain's beginning."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.chain import AccountState, Chain, NotAccepted, oldest_first
from cocoon.ton.highload import QUERY_IDS, Batch, Transfer, batch_message, query_id, wallet_of
from cocoon.ton.wallet_history import Paid, read_event

#: Everybody's key: the faucet is for those who reach the chain.
KEY: Final = Ed25519PrivateKey.from_private_bytes(b"faucet of a local chain for test")
FAUCET: Final = wallet_of(KEY, subwallet=1)
BALANCE: Final = NanoTon(1_000_000_000 * 10**9)
#: Chain time may be behind what it is on the lite-server.
_CREATED_AT_SLACK: Final = 5
_POLL_SECONDS: Final = 0.1


class NotGiven(RuntimeError):
    """The faucet's transfer did not go through."""


async def give(chain: Chain, to: Address, amount: NanoTon, seconds: float = 60) -> None:
    """Transfer `amount`, and return when the chain shows it. Any number of callers may do so at once.

    Raises NotGiven, and ChainErrors.
    """
    before = await chain.account(FAUCET.address)
    # a number drawn at random is not used twice within the timeout, whoever else asks the faucet
    query = query_id(random.randrange(QUERY_IDS))  # noqa: S311 - no secret hangs on it
    batch = Batch(query, before.at.utime - _CREATED_AT_SLACK, (Transfer(to, amount),), deploy=not before.deployed)
    try:
        async with asyncio.timeout(seconds):
            await chain.send(batch_message(FAUCET, KEY, batch))
            while not await _paid(chain, before, query):  # noqa: ASYNC110 - a chain tells nobody of a new block
                await asyncio.sleep(_POLL_SECONDS)
    except NotAccepted as error:
        raise NotGiven(f"The faucet can't pay {amount} nanoTON: {error}") from error
    except TimeoutError:
        raise NotGiven(f"The faucet's transfer did not show up within {seconds:g} s; it may still come.") from None


async def _paid(chain: Chain, before: AccountState, query: int) -> bool:
    newest = (await chain.account(FAUCET.address)).last
    for transaction in await oldest_first(chain, FAUCET.address, newest, before.last):
        event = read_event(FAUCET, transaction)
        if isinstance(event, Paid) and event.query_id == query:
            if not event.transfers:
                raise NotGiven("The faucet has not enough coins left.")
            return True
    return False
