"""Transactions as the chain stores them, parsed into the Structs of the port.

Block.tlb's `Transaction` and `Message` are read by ton-core; here they become our words, and bytes that are none of
them become one error.
"""

from __future__ import annotations

import ton_core
from ton_core import Cell, begin_cell
from ton_core.tlb.transaction import ExternalMsgInfo, ExternalOutMsgInfo, MessageAny, Transaction

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.cells import BadCells, from_boc, to_boc
from cocoon.ton.chain import Message, MessageKind, TransactionId, WalletTransaction


def parse_transaction(content: bytes) -> WalletTransaction:
    """A transaction from its bag of cells; its hash is computed from these bytes. Raises BadCells."""
    cell = from_boc(content)
    try:
        return _transaction(cell)
    except Exception as error:  # ton-core raises whatever it stumbles over in cells of another shape
        raise BadCells(f"Cell {cell.hash.hex()} is no transaction") from error


def address_of(found: object) -> Address | None:
    """Our address for ton-core's; none for those that are no account's (empty, or outside the chain)."""
    return Address(found.wc, found.hash_part) if isinstance(found, ton_core.Address) else None


def _transaction(cell: Cell) -> WalletTransaction:
    parsed = Transaction.deserialize(cell.begin_parse())
    if isinstance(parsed, Cell):
        raise BadCells("the cell is pruned: only its hash is known")
    outbound = tuple(_message(message) for message in parsed.out_msgs)
    own_fees = int(parsed.total_fees.grams)
    return WalletTransaction(
        id=TransactionId(int(parsed.lt), cell.hash),
        previous=TransactionId(int(parsed.prev_trans_lt), bytes(parsed.prev_trans_hash)),
        utime=int(parsed.now),
        succeeded=_succeeded(parsed.description),
        fees=NanoTon(own_fees + sum(message.forward_fee for message in outbound)),
        inbound=_message(parsed.in_msg) if parsed.in_msg else None,
        outbound=outbound,
    )


def _succeeded(description: object) -> bool:
    """Whether the code ran to its end and all its actions were done."""
    computed, acted = getattr(description, "compute_ph", None), getattr(description, "action", None)
    return bool(getattr(computed, "success", False)) and bool(getattr(acted, "success", False))


def _message(found: MessageAny) -> Message:
    header, body = found.info, to_boc(found.body or begin_cell().end_cell())
    if isinstance(header, ExternalMsgInfo):
        return Message(MessageKind.EXTERNAL_IN, None, address_of(header.dest), body)
    if isinstance(header, ExternalOutMsgInfo):
        return Message(MessageKind.EXTERNAL_OUT, address_of(header.src), None, body)
    return Message(
        kind=MessageKind.INTERNAL,
        source=address_of(header.src),
        destination=address_of(header.dest),
        body=body,
        value=NanoTon(int(header.value.grams)),
        forward_fee=NanoTon(int(header.fwd_fee)),
        bounceable=bool(header.bounce),
        bounced=bool(header.bounced),
    )
