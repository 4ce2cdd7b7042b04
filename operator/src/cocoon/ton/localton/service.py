"""A running chain: blocks as time passes, and its lite-server."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec import Struct

from cocoon.ton.localton.adnl import AdnlServer
from cocoon.ton.localton.blocks import KEY_BLOCK, MASTERCHAIN, WHOLE_SHARD
from cocoon.ton.localton.local_chain import LocalChain
from cocoon.ton.localton.queries import Queries
from cocoon.ton.localton.validator import BlockId

LOOPBACK: Final = "127.0.0.1"


class Pace(Struct, frozen=True):
    """Seconds between blocks: with messages waiting, and without (chain time has to pass then, too)."""

    busy: float = 0.4
    idle: float = 1.0


async def produce_blocks(queries: Queries, pace: Pace) -> None:
    """Make blocks until cancelled."""
    waited = 0.0
    while True:
        await asyncio.sleep(pace.busy)
        waited += pace.busy
        if queries.chain.mempool.waiting() or waited >= pace.idle:
            queries.chain.produce()
            await queries.announce()
            waited = 0.0


class Endpoint(Struct, frozen=True):
    """Where a lite-server listens."""

    host: str
    port: int
    public_key: bytes


@asynccontextmanager
async def lite_server(queries: Queries, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[Endpoint]:
    """A lite-server for a chain whose blocks somebody else makes; port 0 takes a free one."""
    if queries.chain.last.ids.seqno == 0:
        queries.chain.produce()
    server = AdnlServer(queries)
    listener = await server.listen(host, port)
    try:
        yield Endpoint(host, listener.sockets[0].getsockname()[1], server.public_key)
    finally:
        listener.close()
        await server.disconnect()


@asynccontextmanager
async def running(chain: LocalChain, pace: Pace | None = None) -> AsyncIterator[dict[str, Any]]:
    """A chain with its lite-server on a free port of this machine. Gives the configuration for clients."""
    queries = Queries(chain)
    async with lite_server(queries) as endpoint:
        chain.produce()  # chain time catches up before anybody asks
        producing = asyncio.create_task(produce_blocks(queries, pace or Pace()))
        try:
            yield global_config(chain, [endpoint])
        finally:
            producing.cancel()
            await asyncio.gather(producing, return_exceptions=True)


def global_config(chain: LocalChain, endpoints: list[Endpoint]) -> dict[str, Any]:
    """The standard configuration of clients (`global.config.json`). Names become IPv4 numbers, as it holds no names."""
    zero, first = chain.zero_state.ids.masterchain, chain.ids(KEY_BLOCK).masterchain
    validator = {"@type": "validator.config.global", "zero_state": _block(zero), "init_block": _block(first)}
    return {
        "@type": "config.global",
        "liteservers": [_liteserver(endpoint) for endpoint in endpoints],
        "validator": validator,
    }


def _liteserver(endpoint: Endpoint) -> dict[str, Any]:
    address = int.from_bytes(socket.inet_aton(socket.gethostbyname(endpoint.host)), signed=True)
    key = {"@type": "pub.ed25519", "key": base64.b64encode(endpoint.public_key).decode()}
    return {"ip": address, "port": endpoint.port, "id": key}


def _block(block: BlockId) -> dict[str, Any]:
    return {
        "workchain": MASTERCHAIN,
        "shard": -WHOLE_SHARD,
        "seqno": block.seqno,
        "root_hash": base64.b64encode(block.root_hash).decode(),
        "file_hash": base64.b64encode(block.file_hash).decode(),
    }
