"""The port to the chain: what a payer may believe of it, and in which ways it can fail.

Everything that a `Chain` answers is proven: the adapter checks validators' signatures and Merkle proofs from a trusted
block on. What no proof can show stays for the caller: that a head is the newest one (`Lagging` is a suspicion drawn
from clocks and other servers) and that a message which a server accepted will reach a block. So a payer decides by an
account's history alone, and by chain time, never by what a server said of a message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import Final, Protocol

from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address


class ChainError(Exception):
    """Reading or sending did not work; the message is a sentence. `code` is its constant name."""

    code = "ChainError"


class Unreachable(ChainError):
    """No lite-server answered in time. Nothing is known of a message that was being sent."""

    code = "Unreachable"


class Lagging(ChainError):
    """What was proven is too old: the servers that answer are behind, or the chain stands still."""

    code = "Lagging"


class Lying(ChainError):
    """A lite-server's proof does not hold, or it is on another chain."""

    code = "Lying"


class HistoryGap(ChainError):
    """An account's history does not lead to the transaction that we know: another chain, or a chain that went back."""

    code = "HistoryGap"


class NotAccepted(ChainError):
    """The wallet's code refused the message now: expired, not yet valid, or executed already. Decide nothing by it."""

    code = "NotAccepted"


class ZeroState(Struct, frozen=True):
    """The identity of a chain: hashes of its first state, 32 bytes each."""

    root_hash: bytes
    file_hash: bytes


class ChainHead(Struct, frozen=True):
    """A proven masterchain block. `utime` is chain time, seconds since 1970."""

    seqno: int
    utime: int
    zero_state: ZeroState


class TransactionId(Struct, frozen=True):
    """Where a transaction stands in its account's history: logical time and hash (32 bytes)."""

    lt: int
    hash: bytes


#: What stands before an account's first transaction.
BEFORE_THE_FIRST: Final = TransactionId(0, bytes(32))


class AccountState(Struct, frozen=True):
    """An account as of the block `at`. `deployed`: it has code. `last`: its newest transaction, or BEFORE_THE_FIRST."""

    balance: NanoTon
    deployed: bool
    last: TransactionId
    at: ChainHead


class MessageKind(Enum):
    """Internal: between accounts, carries value. ExternalIn: from outside the chain. ExternalOut: a log entry."""

    INTERNAL = "Internal"
    EXTERNAL_IN = "ExternalIn"
    EXTERNAL_OUT = "ExternalOut"


class Message(Struct, frozen=True):
    """A message that a transaction took in or sent. `body` is a bag of cells; `forward_fee` was paid by its sender."""

    kind: MessageKind
    source: Address | None
    destination: Address | None
    body: bytes
    value: NanoTon = NanoTon(0)
    forward_fee: NanoTon = NanoTon(0)
    bounceable: bool = False
    bounced: bool = False


class WalletTransaction(Struct, frozen=True):
    """One proven transaction of an account.

    `succeeded`: code ran and its actions were done (false also where an account has no code to run: coins arrive all
    the same). `fees`: all that the network took from this account for it, forwarding of `outbound` included; so the
    balance changes by inbound value - outbound values - fees.
    """

    id: TransactionId
    previous: TransactionId
    utime: int
    succeeded: bool
    fees: NanoTon
    inbound: Message | None
    outbound: tuple[Message, ...]


class ServerState(Enum):
    """What the adapter last found of a lite-server."""

    UNTRIED = "Untried"
    HEALTHY = "Healthy"
    UNREACHABLE = "Unreachable"
    LAGGING = "Lagging"
    LYING = "Lying"


class ServerHealth(Struct, frozen=True):
    """One lite-server: `name` is `address:port`, `seqno` its newest proven block, `reason` that of its last failure."""

    name: str
    state: ServerState
    seqno: int
    failures_in_a_row: int
    reason: str


class Chain(Protocol):
    """One TON chain. Every method raises ChainErrors and nothing else, each within its deadline."""

    @property
    def zero_state(self) -> ZeroState:
        """Which chain this is, from the configuration that all proofs start at."""

    async def head(self) -> ChainHead:
        """The newest proven block. Raises Unreachable, Lagging, Lying."""

    async def account(self, address: Address) -> AccountState:
        """The account in the newest proven block; one that does not exist has balance 0. Raises as `head`."""

    def history(
        self, address: Address, newest: TransactionId, known: TransactionId
    ) -> AsyncIterator[WalletTransaction]:
        """Every transaction from `newest` (included) back to `known` (excluded), newest first, without a gap.

        Start with `newest` from `account`, and give BEFORE_THE_FIRST as `known` for all of it. Raises HistoryGap if
        `known` is not met, and as `head`.
        """

    async def send(self, message: bytes) -> None:
        """Hand an external message (bag of cells) to every server in reach; return once one took it.

        Raises NotAccepted if those that answered refused it, Unreachable if none answered.
        """

    def servers(self) -> tuple[ServerHealth, ...]:
        """The health of each lite-server of the configuration, in its order."""


async def oldest_first(
    chain: Chain, address: Address, newest: TransactionId, known: TransactionId
) -> list[WalletTransaction]:
    """What `Chain.history` gives, in the order in which it happened, all in memory."""
    return [transaction async for transaction in chain.history(address, newest, known)][::-1]
