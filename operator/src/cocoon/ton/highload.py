"""Messages of Highload Wallet V3: one signed external message pays up to 254 accounts.

The contract (github.com/ton-blockchain/highload-wallet-contract-v3) takes an external message once per query id, and
only while `created_at` <= now < `created_at` + `timeout` in chain time. That first transaction makes the wallet send
itself the list; the second sends the transfers, all or none, since their send mode does not ignore errors.

The same arguments always give the same bytes: Ed25519 signatures are deterministic, and `created_at` is an argument.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from ton_core import CONTRACT_CODES, Cell, ContractVersion, begin_cell

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.cells import to_boc
from cocoon.ton.messages import PAY_FEES_SEPARATELY, external_message, internal_message
from cocoon.ton.payment_comment import comment_body

CODE: Final = Cell.one_from_boc(CONTRACT_CODES[ContractVersion.WalletHighloadV3R1])
#: What a transaction can hold: 255 actions, of which the contract itself may use one.
MAXIMUM_TRANSFERS: Final = 254
#: Pays for the second transaction; what is left comes back to the wallet. It must not exceed the wallet's balance.
OWN_MESSAGE_VALUE: Final = NanoTon(20_000_000)
DEFAULT_TIMEOUT: Final = 3600
DEFAULT_SUBWALLET: Final = 0x10AD
_BITS_PER_SHIFT: Final = 1023
_SHIFTS: Final = 8192
#: Query ids are numbered 0..QUERY_IDS-1. The very last one the contract's authors leave for an emergency.
QUERY_IDS: Final = _SHIFTS * _BITS_PER_SHIFT - 1
INTERNAL_TRANSFER: Final = 0xAE42E5A4
SEND_MESSAGE_ACTION: Final = 0x0EC3C86D
_TIMEOUT_BITS: Final = 22


class BadBatch(ValueError):
    """A batch that the contract would refuse, or that would burn its query id; the message is a sentence."""


class Transfer(Struct, frozen=True):
    """One payment. `payment` is its id, which the payee sees as the transfer's comment: ASCII, at most 28 characters.

    `bounce`: have the coins come back if the payee's contract fails or does not exist. Plain wallets that were never
    used don't exist yet, so it is off unless one asks for it.
    """

    to: Address
    amount: NanoTon
    payment: str = ""
    bounce: bool = False


class Batch(Struct, frozen=True):
    """What one external message says. `created_at` is chain time in seconds; `deploy` with a wallet's first message."""

    query_id: int
    created_at: int
    transfers: tuple[Transfer, ...]
    deploy: bool = False
    own_message_value: NanoTon = OWN_MESSAGE_VALUE


class HighloadWallet(Struct, frozen=True):
    """A wallet is its key, its subwallet number and its timeout (seconds): these three make its address."""

    public_key: bytes
    subwallet: int = DEFAULT_SUBWALLET
    timeout: int = DEFAULT_TIMEOUT

    @property
    def state_init(self) -> Cell:
        """Code and first data: no query ids used, never cleaned."""
        data = begin_cell().store_bytes(self.public_key).store_uint(self.subwallet, 32).store_uint(0, 1 + 1 + 64)
        stored = data.store_uint(self.timeout, _TIMEOUT_BITS).end_cell()
        return begin_cell().store_uint(0b001, 3).store_ref(CODE).store_bit(1).store_ref(stored).store_bit(0).end_cell()

    @property
    def address(self) -> Address:
        """On the basechain; not bounceable, as it has to be funded before it exists."""
        return Address(0, self.state_init.hash, bounceable=False)


def wallet_of(
    key: Ed25519PrivateKey, subwallet: int = DEFAULT_SUBWALLET, timeout: int = DEFAULT_TIMEOUT
) -> HighloadWallet:
    """The wallet that a private key signs for."""
    return HighloadWallet(key.public_key().public_bytes_raw(), subwallet, timeout)


def query_id(number: int) -> int:
    """The number-th query id, as the contract writes it: shift (13 bits) and bit number 0..1022 (10 bits)."""
    if not 0 <= number < QUERY_IDS:
        raise BadBatch(f"There is no query id number {number}: they run from 0 to {QUERY_IDS - 1}, then start again.")
    shift, bit = divmod(number, _BITS_PER_SHIFT)
    return shift << 10 | bit


def batch_message(wallet: HighloadWallet, key: Ed25519PrivateKey, batch: Batch) -> bytes:
    """The signed external message as a bag of cells. Raises BadBatch."""
    _check(wallet, key, batch)
    signed = _signed_part(wallet, batch)
    body = begin_cell().store_bytes(key.sign(signed.hash)).store_ref(signed).end_cell()
    return to_boc(external_message(wallet.address, body, wallet.state_init if batch.deploy else None))


def message_hash(message: bytes) -> bytes:
    """The hash by which explorers know a message (32 bytes)."""
    return Cell.one_from_boc(message).hash


def _check(wallet: HighloadWallet, key: Ed25519PrivateKey, batch: Batch) -> None:
    if key.public_key().public_bytes_raw() != wallet.public_key:
        raise BadBatch("The key is not this wallet's: the contract would refuse the signature.")
    if not 1 <= len(batch.transfers) <= MAXIMUM_TRANSFERS:
        raise BadBatch(f"A batch has 1 to {MAXIMUM_TRANSFERS} transfers, not {len(batch.transfers)}.")
    if batch.own_message_value < OWN_MESSAGE_VALUE:
        raise BadBatch(f"The wallet's own message needs {OWN_MESSAGE_VALUE} nanoTON, not {batch.own_message_value}.")
    if not 0 <= batch.query_id >> 10 < _SHIFTS or batch.query_id & 1023 == 1023:
        raise BadBatch(f"{batch.query_id} is no query id: make it with query_id().")
    if any(transfer.amount <= 0 for transfer in batch.transfers):
        raise BadBatch("Each transfer needs an amount above 0 nanoTON.")


def _signed_part(wallet: HighloadWallet, batch: Batch) -> Cell:
    actions = begin_cell().end_cell()
    for transfer in batch.transfers:
        action = begin_cell().store_ref(actions).store_uint(SEND_MESSAGE_ACTION, 32).store_uint(PAY_FEES_SEPARATELY, 8)
        actions = action.store_ref(_transfer_message(transfer)).end_cell()
    body = begin_cell().store_uint(INTERNAL_TRANSFER, 32).store_uint(batch.query_id, 64).store_ref(actions).end_cell()
    to_self = internal_message(wallet.address, batch.own_message_value, body, bounce=True)
    signed = begin_cell().store_uint(wallet.subwallet, 32).store_ref(to_self).store_uint(PAY_FEES_SEPARATELY, 8)
    signed.store_uint(batch.query_id, 23).store_uint(batch.created_at, 64)
    return signed.store_uint(wallet.timeout, _TIMEOUT_BITS).end_cell()


def _transfer_message(transfer: Transfer) -> Cell:
    return internal_message(transfer.to, transfer.amount, comment_body(transfer.payment), bounce=transfer.bounce)
