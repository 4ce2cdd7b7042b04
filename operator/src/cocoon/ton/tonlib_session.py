"""One tonlib client for one lite-server, with what pytonlib lacks: deadlines, threads of its own, and named errors.

tonlib proves what it answers: it follows signed blocks from the configuration's trusted block, and Merkle proofs from
there. pytonlib runs it in the event loop's default threads, where a few clients starve each other, and its futures must
not be cancelled; so each client gets its own threads, and whoever stops waiting leaves the future alone.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from cocoon.ton.chain import ChainError, Lagging, Lying, NotAccepted, Unreachable
from cocoon.ton.tonlib_library import (
    BlockDeleted,
    BlockNotFound,
    ExternalMessageNotAccepted,
    LiteServerTimeout,
    TonlibClient,
    TonlibError,
    TonlibException,
    TonlibNoResponse,
)

_THREADS: Final = 4
#: pytonlib has to give up before we do, so that its own books stay in order.
_MARGIN_SECONDS: Final = 1.5
_NETWORK: Final = "LITE_SERVER_NETWORK"
#: Something that tonlib answers by itself.
_WAKE: Final = {"@type": "getLogVerbosityLevel"}
_UNKNOWN_TRANSACTION: Final = "cannot locate transaction"


class _LoopWithThreads:
    """The three methods of an event loop that pytonlib uses, with threads for its blocking calls."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: ThreadPoolExecutor) -> None:
        self._loop, self._threads = loop, threads

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._loop.create_task(work)

    def create_future(self) -> asyncio.Future[Any]:
        return self._loop.create_future()

    def run_in_executor(self, _: None, work: Callable[[], Any]) -> Awaitable[Any]:
        return self._loop.run_in_executor(self._threads, work)


class TonlibSession:
    """Made by `open_session`. Once a call raised Unreachable, it may be stuck for ever: close it and make another."""

    def __init__(
        self, client: TonlibClient, threads: ThreadPoolExecutor, folder: tempfile.TemporaryDirectory[str]
    ) -> None:
        self.client, self._threads, self._folder = client, threads, folder

    async def call(self, work: Awaitable[dict[str, Any]], seconds: float) -> dict[str, Any]:
        """Await one of the client's methods. Raises ChainErrors only."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(_retrieve)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            raise Unreachable(f"no answer within {seconds:g} s") from None
        except TonlibException as error:
            raise named(error) from error
        except RuntimeError as error:  # pytonlib's word for a client that crashed or got stuck
            raise Unreachable(str(error)) from error

    async def transactions(self, address: str, lt: int, transaction_hash: bytes, count: int) -> dict[str, Any]:
        """`raw.getTransactionsV2`, for which pytonlib has no method: at most `count`, newest first."""
        wrapper = self.client.tonlib_wrapper
        if wrapper is None:
            raise Unreachable("the client was closed")
        start = {"@type": "internal.transactionId", "lt": lt, "hash": base64.b64encode(transaction_hash).decode()}
        request = {
            "@type": "raw.getTransactionsV2",
            "account_address": {"account_address": address},
            "from_transaction_id": start,
            "count": count,
            "try_decode_messages": False,
        }
        found: dict[str, Any] = await wrapper.execute(request, timeout=self.client.tonlib_timeout)
        return found

    async def close(self) -> None:
        """End the client at once; calls under way raise Unreachable."""
        if wrapper := self.client.tonlib_wrapper:
            with suppress(RuntimeError):  # a client that crashed can't be woken
                wrapper.send(_WAKE)
            wrapper.cancel_futures(cancel_all=True)
            closing = asyncio.ensure_future(self.client.close())
            await asyncio.sleep(0)  # it has begun, so its reader ends with the answer to _WAKE
            wrapper.del_expired_futures_task.cancel()  # instead of waiting for the end of its nap
            await asyncio.gather(closing, return_exceptions=True)
        self._threads.shutdown(wait=False)
        self._folder.cleanup()


async def open_session(config: dict[str, Any], seconds: float) -> TonlibSession:
    """A client for the only lite-server of `config`; it connects at its first call. Raises ChainErrors only."""
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tonlib")
    folder = tempfile.TemporaryDirectory(prefix="tonlib-")
    loop = _LoopWithThreads(asyncio.get_running_loop(), threads)
    client = TonlibClient(0, config, folder.name, loop=loop, tonlib_timeout=max(1.0, seconds - _MARGIN_SECONDS))
    session = TonlibSession(client, threads, folder)
    try:
        await session.call(client.init(), seconds)
    except BaseException:
        await session.close()
        raise
    return session


def named(error: TonlibException) -> ChainError:
    """Our name for what tonlib said."""
    said = str(error)
    if isinstance(error, ExternalMessageNotAccepted):
        return NotAccepted(said)
    if isinstance(error, TonlibNoResponse | LiteServerTimeout) or said.startswith(_NETWORK):
        return Unreachable(said)
    if isinstance(error, BlockNotFound | BlockDeleted) or _UNKNOWN_TRANSACTION in said:
        return Lagging(said)
    return Lying(said) if isinstance(error, TonlibError) else Unreachable(said)


def _retrieve(task: asyncio.Future[dict[str, Any]]) -> None:
    """Have asyncio not complain of an error that came after the deadline."""
    if not task.cancelled():
        task.exception()
