"""A second client, that shares no code with tonlib: pytoniq, checking signatures and proofs itself (trust level 0).

It keeps the blocks that it trusts in `.blockstore` of the working folder, so that has to be a test's own.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pytoniq.liteclient.client import LiteClient
from pytoniq_core.tl.block import BlockIdExt
from pytoniq_core.tlb.transaction import InternalMsgInfo

from cocoon.api.ton_address import Address
from cocoon.ton.global_config import GlobalConfig


@asynccontextmanager
async def pytoniq(config: GlobalConfig) -> AsyncIterator[LiteClient]:
    server = config.content["liteservers"][0]
    client = LiteClient(
        socket.inet_ntoa((server["ip"] & 0xFFFFFFFF).to_bytes(4)),
        server["port"],
        server["id"]["key"],
        timeout=30,
        trust_level=0,
        init_key_block=_block(config.content["validator"]["init_block"]),
    )
    try:
        await client.connect()
        yield client
    finally:
        await client.close()


async def received(client: LiteClient, address: Address, at_most: int = 1000) -> list[int]:
    """nanoTON of each transfer that came to an account, newest first; balances also pay for storage."""
    history = await client.get_transactions(address.raw(), at_most)
    headers = [transaction.in_msg.info for transaction in history if transaction.in_msg]
    return [int(header.value.grams) for header in headers if isinstance(header, InternalMsgInfo)]


def _block(content: dict[str, Any]) -> BlockIdExt:
    return BlockIdExt(
        content["workchain"],
        content["shard"],
        content["seqno"],
        base64.b64decode(content["root_hash"]),
        base64.b64decode(content["file_hash"]),
    )
