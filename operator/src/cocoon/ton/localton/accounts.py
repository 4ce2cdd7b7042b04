"""Accounts as the chain keeps them (block.tlb `ShardAccount`, `Account`)."""

from __future__ import annotations

from typing import Final

from ton_core import Cell, begin_cell

from cocoon.api.money import NanoTon

_ADDRESS_BITS: Final = 3 + 8 + 256


def shard_account(account: Cell) -> Cell:
    """An account without transactions yet."""
    return begin_cell().store_ref(account).store_uint(0, 256).store_uint(0, 64).end_cell()


MISSING: Final = shard_account(begin_cell().store_bit(0).end_cell())


def funded(address_hash: bytes, balance: NanoTon, now: int) -> Cell:
    """An account that has coins and no code. It can only be there from the beginning."""
    account = begin_cell().store_bit(1).store_uint(0b100, 3).store_int(0, 8).store_bytes(address_hash)
    account.store_var_uint(1, 3).store_var_uint(103, 3).store_uint(0, 3).store_uint(now, 32).store_bit(0)  # storage
    account.store_uint(0, 64).store_coins(balance).store_bit(0).store_uint(0, 2)  # no transaction, no code
    return shard_account(account.end_cell())


def balance_of(account_in_shard: Cell) -> NanoTon:
    """The balance; 0 for an account that does not exist."""
    reader = account_in_shard.refs[0].begin_parse()
    if not reader.load_bit():
        return NanoTon(0)
    reader.skip_bits(_ADDRESS_BITS)
    for _ in range(2):  # cells and bits used
        reader.skip_bits(reader.load_uint(3) * 8)
    if reader.load_uint(3) == 1:  # hash of the storage dictionary, since global version 11
        reader.skip_bits(256)
    reader.skip_bits(32)  # last paid
    if reader.load_bit():
        reader.load_coins()  # due payment
    reader.skip_bits(64)  # last transaction's lt
    return NanoTon(reader.load_coins())
