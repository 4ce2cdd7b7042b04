"""The chain through pytonlib: several lite-servers, of which one at a time is believed as far as it proves.

A call goes to the server that served last, then to the others; those that failed are left alone for a growing while. A
message goes to all of them. tonlib clients are made again when they don't answer, or when the configuration changed.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final, Self, TypeVar

from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.cells import BadCells
from cocoon.ton.chain import (
    BEFORE_THE_FIRST,
    AccountState,
    ChainError,
    ChainHead,
    HistoryGap,
    Lagging,
    Lying,
    NotAccepted,
    ServerHealth,
    ServerState,
    TransactionId,
    Unreachable,
    WalletTransaction,
    ZeroState,
)
from cocoon.ton.global_config import BadConfig, GlobalConfig
from cocoon.ton.server_watch import ServerWatch
from cocoon.ton.tonlib_session import TonlibSession, open_session
from cocoon.ton.transactions import parse_transaction

Answer = TypeVar("Answer")
#: Any account will do to ask for the head; one that can't exist makes for the shortest proof.
_NOBODY: Final = Address(0, bytes(32))


#: Transactions asked for at once: mostly there are two new ones, of one batch; a lite-server gives 16 at most.
_FIRST_PAGE: Final = 2
_LONGEST_PAGE: Final = 16


class Limits(Struct, frozen=True):
    """`call_seconds`: for one server to answer. `lag_seconds`: how far chain time may be behind what it should be."""

    call_seconds: float = 10.0
    lag_seconds: float = 60.0


class Span(Struct, frozen=True):
    """A part of an account's history: from `newest` (included) back to `known` (excluded)."""

    newest: TransactionId
    known: TransactionId


class _Server:
    """One lite-server and the client for it, if there is one."""

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        self.watch, self.config = ServerWatch(name), config
        self.session: TonlibSession | None = None
        self.opening = asyncio.Lock()


class PytonlibChain:
    """A `Chain`. Use it as a context manager, in one event loop. `monotonic` gives seconds that never jump."""

    def __init__(
        self, config: GlobalConfig, limits: Limits | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits, self._monotonic = limits or Limits(), monotonic
        self._zero_state = config.zero_state
        self._servers = _servers_of(config)
        self._newest: tuple[ChainHead, float] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._drop(self._servers)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def reconfigure(self, config: GlobalConfig) -> None:
        """Go on with other lite-servers of the same chain. Raises BadConfig if it is another chain."""
        if config.zero_state != self._zero_state:
            raise BadConfig("The new configuration is of another chain: its zero state is not ours.")
        old, self._servers = self._servers, _servers_of(config)
        self._drop(old)

    @property
    def zero_state(self) -> ZeroState:
        """Which chain this is."""
        return self._zero_state

    def servers(self) -> tuple[ServerHealth, ...]:
        """The health of each lite-server."""
        return tuple(server.watch.health() for server in self._servers)

    async def head(self) -> ChainHead:
        """The newest proven block."""
        return (await self.account(_NOBODY)).at

    async def account(self, address: Address) -> AccountState:
        """The account in the newest proven block."""
        return await self._ask_one(lambda server: self._account_from(server, address))

    async def history(
        self, address: Address, newest: TransactionId, known: TransactionId
    ) -> AsyncIterator[WalletTransaction]:
        """Every transaction between, newest first."""
        cursor, size = newest, _FIRST_PAGE
        while cursor != known:
            for transaction in await self._page(address, Span(cursor, known), size):
                yield transaction
                cursor = transaction.previous
            size = min(2 * size, _LONGEST_PAGE)

    async def send(self, message: bytes) -> None:
        """Hand a message to every server; once one took it, the others get it in the background."""
        errors: list[BaseException] = []
        pending = {_begun(self._send_to(server, message), self._sending) for server in self._servers}
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) is None:
                    return
                errors.append(error)
        raise next((error for error in errors if isinstance(error, NotAccepted)), errors[0])

    # ---- one server

    async def _account_from(self, server: _Server, address: Address) -> AccountState:
        session = await self._session(server)
        found = await session.call(session.client.raw_get_account_state(address.raw()), self._limits.call_seconds)
        head = ChainHead(int(found["block_id"]["seqno"]), int(found["sync_utime"]), self._zero_state)
        self._check_age(head)
        server.watch.succeeded(head.seqno)
        last = _transaction_id(found["last_transaction_id"])
        return AccountState(
            balance=NanoTon(max(0, int(found["balance"]))),  # -1: there is no such account
            deployed=bool(found["code"]),
            last=last if last.lt else BEFORE_THE_FIRST,
            at=head,
        )

    async def _page(self, address: Address, span: Span, size: int) -> list[WalletTransaction]:
        """Some of the transactions of a span, the newest first. Raises HistoryGap."""
        if span.newest.lt <= span.known.lt:
            raise HistoryGap(
                f"The history of {address.raw()} does not contain our last transaction, {span.known.hash.hex()}: this "
                "is another chain, or it went back. Pay nothing until a person has looked."
            )
        return await self._ask_one(lambda server: self._page_from(server, address, span, size))

    async def _page_from(self, server: _Server, address: Address, span: Span, size: int) -> list[WalletTransaction]:
        session = await self._session(server)
        found = await session.call(
            session.transactions(address.raw(), span.newest.lt, span.newest.hash, size), self._limits.call_seconds
        )
        rows = [base64.b64decode(row["data"]) for row in found["transactions"]]
        if not rows:
            raise Lagging(f"{server.watch.name} has no transaction {span.newest.hash.hex()}")
        page = await asyncio.to_thread(_linked, rows, span)
        server.watch.succeeded()
        return page

    async def _send_to(self, server: _Server, message: bytes) -> None:
        try:
            session = await self._session(server)
            await session.call(session.client.raw_send_message(message), self._limits.call_seconds)
        except NotAccepted:
            raise
        except ChainError as error:
            self._failed(server, error)
            raise
        if server.watch.state is ServerState.UNREACHABLE:
            server.watch.succeeded()

    # ---- which server

    async def _ask_one(self, ask: Callable[[_Server], Awaitable[Answer]]) -> Answer:
        """The answer of the first server that has one; the gravest of their errors if none has."""
        errors: list[ChainError] = []
        for server in self._in_order():
            try:
                return await ask(server)
            except ChainError as error:
                self._failed(server, error)
                errors.append(error)
        raise max(errors, key=_gravity)

    def _in_order(self) -> list[_Server]:
        """Healthy ones first, then those not tried lately; those that are paused only if there is no other."""
        now = self._monotonic()
        ready = [server for server in self._servers if server.watch.pause_until <= now]
        return sorted(ready or self._servers, key=lambda server: (server.watch.failures, server.watch.pause_until))

    def _failed(self, server: _Server, error: ChainError) -> None:
        server.watch.failed(error, self._monotonic())
        if isinstance(error, Unreachable | Lying) and server.session:
            self._drop([server])

    def _check_age(self, head: ChainHead) -> None:
        """Chain time must go on as our own does: from the newest block that any server proved."""
        now = self._monotonic()
        if self._newest is None or head.utime > self._newest[0].utime:
            self._newest = (head, now)
            return
        newest, seen = self._newest
        behind = newest.utime + (now - seen) - head.utime
        if behind > self._limits.lag_seconds:
            raise Lagging(f"The newest proven block, {head.seqno}, is {behind:.0f} s older than it should be.")

    # ---- clients

    async def _session(self, server: _Server) -> TonlibSession:
        async with server.opening:
            if server.session is None:
                server.session = await open_session(server.config, self._limits.call_seconds)
            return server.session

    def _drop(self, servers: list[_Server]) -> None:
        """Close clients in the background; the next call makes a new one."""
        for server in servers:
            if server.session:
                _begun(server.session.close(), self._closing)
                server.session = None


def _begun(work: Coroutine[None, None, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """A task that is in `tasks` until it ends; nobody has to await it."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return task


def _servers_of(config: GlobalConfig) -> list[_Server]:
    return [_Server(name, config.of_server(index)) for index, name in enumerate(config.names)]


def _gravity(error: ChainError) -> int:
    """Which error a person has to hear of first."""
    return (Unreachable, Lagging, Lying).index(type(error)) if isinstance(error, Unreachable | Lagging | Lying) else 3


def _linked(rows: list[bytes], span: Span) -> list[WalletTransaction]:
    """Those of a span, each of which is the one that the one after it names. Raises Lying."""
    page, expected = list[WalletTransaction](), span.newest
    for row in rows:
        if expected.lt <= span.known.lt:
            break
        try:
            transaction = parse_transaction(row)
        except BadCells as error:
            raise Lying(str(error)) from error
        if transaction.id != expected:
            raise Lying(f"Transaction {transaction.id.hash.hex()} was given instead of {expected.hash.hex()}.")
        page.append(transaction)
        expected = transaction.previous
    return page


def _transaction_id(found: dict[str, Any]) -> TransactionId:
    return TransactionId(int(found["lt"]), base64.b64decode(found["hash"]))
