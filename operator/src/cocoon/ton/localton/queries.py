"""The lite-server's queries, one method for each: `on_get_time` answers the query `liteServer.getTime`.

Clients believe none of it without its proof, so a subclass that answers otherwise is how to test a client.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from cocoon.ton.localton import proven_answers
from cocoon.ton.localton.bags import join_bags
from cocoon.ton.localton.blocks import BASECHAIN, MASTERCHAIN
from cocoon.ton.localton.local_chain import LocalChain, NotAcceptable, NotInDb
from cocoon.ton.localton.tl import NAMES, TL, Malformed, TlReader, tl_block_id, tl_bytes, tl_int, tl_uint

#: Per answer, as real lite-servers.
MAXIMUM_TRANSACTIONS: Final = 16
_VERSION: Final = 0x101
_CAPABILITIES: Final = 7
_EXPECTED: Final = (NotAcceptable, NotInDb, Malformed)


class Queries:
    """Answers about one chain."""

    def __init__(self, chain: LocalChain) -> None:
        self.chain = chain
        self._new_block = asyncio.Condition()

    async def announce(self) -> None:
        """A block was made: whoever waits for it is answered now."""
        async with self._new_block:
            self._new_block.notify_all()

    async def answer(self, query: bytes) -> bytes:
        """The answer to a query, which may be `liteServer.error`."""
        try:
            reader = TlReader(query)
            name = NAMES.get(reader.raw(4), "")
            if name == "query":
                return await self.answer(reader.blob())
            if name == "waitMasterchainSeqno":
                await self._wait(reader.uint(), reader.uint() / 1000)
                return await self.answer(reader.rest())
            handler = getattr(self, _method_of(name), None)
            if handler is None:
                raise Malformed(f"query {query[:4].hex()} {name} is not supported by localton")
            answered: bytes = handler(reader)
        except _EXPECTED as error:
            return TL["error"] + tl_int(0) + tl_bytes(str(error).encode()[:900])
        return answered

    async def _wait(self, seqno: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(seconds, 30)), self._new_block:
                await self._new_block.wait_for(lambda: self.chain.last.ids.seqno >= seqno)
        except TimeoutError:
            raise NotInDb("timeout") from None

    def on_get_time(self, _: TlReader) -> bytes:
        """`currentTime`."""
        return TL["currentTime"] + tl_int(self.chain.clock())

    def on_get_version(self, _: TlReader) -> bytes:
        """`version`."""
        numbers = tl_uint(0) + tl_uint(_VERSION) + _CAPABILITIES.to_bytes(8, "little")
        return TL["version"] + numbers + tl_int(self.chain.clock())

    def on_get_masterchain_info(self, _: TlReader) -> bytes:
        """The newest block and the zero state: what the client then has proven."""
        last, zero = self.chain.last, self.chain.zero_state.ids.masterchain
        answer = TL["masterchainInfo"] + tl_block_id(last.ids.masterchain) + last.masterchain_state.hash
        return answer + tl_int(MASTERCHAIN) + zero.root_hash + zero.file_hash

    def on_get_block_proof(self, query: TlReader) -> bytes:
        """Signed links from a known block to another, or to the newest."""
        mode, known = query.uint(), query.block_id()
        seqno = query.block_id().seqno if mode & 1 else self.chain.last.ids.seqno
        return proven_answers.block_proof(self.chain, known, self.chain.ids(seqno))

    def on_get_account_state(self, query: TlReader) -> bytes:
        """An account as of a block."""
        block, workchain = self.chain.block(query.block_id().seqno), query.int32()
        if workchain != BASECHAIN:
            raise NotInDb("localton has accounts on the basechain only")
        return proven_answers.account_state(self.chain, block, query.raw(32))

    def on_send_message(self, query: TlReader) -> bytes:
        """Take an external message, if the account would."""
        self.chain.accept(query.blob())
        return TL["sendMsgStatus"] + tl_int(1)

    def on_get_transactions(self, query: TlReader) -> bytes:
        """An account's transactions from (lt, hash) backwards; their hashes are their proof."""
        count, _, account, lt, known = query.uint(), query.int32(), query.raw(32), query.long(), query.raw(32)
        history = self.chain.transactions.get(account, [])
        end = next((place for place in reversed(range(len(history))) if history[place].lt == lt), None)
        if end is None or history[end].hash != known:
            raise NotInDb("cannot locate transaction in block with specified logical time")
        found = history[max(0, end + 1 - min(count, MAXIMUM_TRANSACTIONS)) : end + 1][::-1]
        ids = b"".join(tl_block_id(self.chain.ids(row.seqno).shard) for row in found)
        cells = join_bags([row.content for row in found])
        return TL["transactionList"] + tl_uint(len(found)) + ids + tl_bytes(cells)

    def on_get_all_shards_info(self, query: TlReader) -> bytes:
        """The newest block of each shard, as a masterchain block knows them."""
        return proven_answers.all_shards(self.chain.block(query.block_id().seqno))

    def on_get_config_all(self, query: TlReader) -> bytes:
        """The chain's configuration."""
        mode = query.uint()
        return proven_answers.configuration(self.chain.block(query.block_id().seqno), mode)

    on_get_config_params = on_get_config_all

    def on_get_block_header(self, query: TlReader) -> bytes:
        """A block without its contents."""
        asked, mode = query.block_id(), query.uint()
        block = self.chain.block(asked.seqno)
        if asked.workchain == MASTERCHAIN:
            return proven_answers.block_header(block.ids.masterchain, block.masterchain_block, mode)
        return proven_answers.block_header(block.ids.shard, block.shard_block, mode)

    def on_get_libraries(self, _: TlReader) -> bytes:
        """There are no libraries."""
        return TL["libraryResult"] + tl_uint(0)


def _method_of(query: str) -> str:
    return "on_" + re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", query)
