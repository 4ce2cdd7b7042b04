"""Messages as contracts and lite-servers take them (block.tlb, `MessageRelaxed` and `Message`)."""

from __future__ import annotations

from typing import Final

from ton_core import Builder, Cell, begin_cell

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address

#: Send mode 1, and not +2 "ignore errors": a list of transfers must be sent whole or not at all.
PAY_FEES_SEPARATELY: Final = 1
#: A message may carry its body in its own cell, which costs no forwarding fee, while there is room (1023 bits) for the
#: sender's address and the fees too, which the network writes in.
_INLINE_BODY_BITS: Final = 256


def store_address(cell: Builder, address: Address) -> Builder:
    """`addr_std` without anycast."""
    return cell.store_uint(0b100, 3).store_int(address.workchain, 8).store_bytes(address.hash)


def internal_message(
    to: Address, value: NanoTon, body: Cell | None = None, *, bounce: bool = False, source: Address | None = None
) -> Cell:
    """A message between accounts. The network fills in the source of what a contract sends, so it is left out."""
    cell = begin_cell().store_uint(0b01, 2).store_bit(bounce).store_bit(0)
    if source:
        store_address(cell, source)
    else:
        cell.store_uint(0, 2)
    store_address(cell, to).store_coins(value).store_bit(0)
    cell.store_uint(0, 4 + 4 + 64 + 32 + 1)  # extra flags, forwarding fee, created_lt, created_at, no state
    return _store_body(cell, body).end_cell()


def external_message(to: Address, body: Cell, state_init: Cell | None = None) -> Cell:
    """A message from outside the chain; `state_init` deploys the account."""
    cell = store_address(begin_cell().store_uint(0b10, 2).store_uint(0, 2), to).store_uint(0, 4)
    if state_init:
        cell.store_uint(0b11, 2).store_ref(state_init)
    else:
        cell.store_bit(0)
    return cell.store_bit(1).store_ref(body).end_cell()


def _store_body(cell: Builder, body: Cell | None) -> Builder:
    if body is None:
        return cell.store_bit(0)
    if not body.refs and len(body.bits) <= _INLINE_BODY_BITS:
        return cell.store_bit(0).store_cell(body)
    return cell.store_bit(1).store_ref(body)
