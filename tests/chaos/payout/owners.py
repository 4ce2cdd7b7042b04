"""Owners' wallets: contracts that exist only once their owner has deployed them, and what came to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytoniq.liteclient.client import LiteClient
from pytoniq_core.tlb.transaction import InternalMsgInfo

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.highload import Batch, HighloadWallet, Transfer, batch_message, query_id, wallet_of
from tests.chaos.payout.chain_world import STRANGER, TON, ChainWorld


def key_of(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"owner %d" % number).digest())


@cache
def wallet_of_owner(number: int) -> HighloadWallet:
    return wallet_of(key_of(number), 1)


@cache
def owner(number: int) -> Address:
    return wallet_of_owner(number).address


def deploy(world: ChainWorld, numbers: Iterable[int]) -> None:
    """Let these owners use their wallets once, so that they exist."""
    owners = list(numbers)
    for number in owners:
        world.give(owner(number), TON)
    world.next_block()
    for number in owners:
        batch = Batch(query_id(0), world.now - 5, (Transfer(STRANGER, NanoTon(1)),), deploy=True)
        world.mempool.pay_in(batch_message(wallet_of_owner(number), key_of(number), batch))
    world.next_block()


async def received_from(client: LiteClient, address: Address, sources: set[str], at_most: int = 1_000) -> int:
    """nanoTON that an account got from these (raw) and kept, as the other client proves it."""
    _, found = await client.raw_get_account_state(address.raw())
    if found is None:
        return 0
    history = await client.get_transactions(address.raw(), at_most)
    return sum(_kept(transaction, sources) for transaction in history)


def _kept(transaction: Any, sources: set[str]) -> int:
    header = transaction.in_msg.info if transaction.in_msg else None
    if not isinstance(header, InternalMsgInfo) or f"{header.src.wc}:{header.src.hash_part.hex()}" not in sources:
        return 0
    if any(isinstance(sent.info, InternalMsgInfo) and sent.info.bounced for sent in transaction.out_msgs):
        return 0
    return int(header.value.grams)


async def sent_to(client: LiteClient, address: Address, sources: set[str], at_most: int = 1_000) -> int:
    """nanoTON that came to an account from these (raw), kept or sent back, as the other client proves it."""
    _, found = await client.raw_get_account_state(address.raw())
    history = await client.get_transactions(address.raw(), at_most) if found is not None else []
    headers = [transaction.in_msg.info for transaction in history if transaction.in_msg]
    return sum(
        int(header.value.grams)
        for header in headers
        if isinstance(header, InternalMsgInfo) and f"{header.src.wc}:{header.src.hash_part.hex()}" in sources
    )
