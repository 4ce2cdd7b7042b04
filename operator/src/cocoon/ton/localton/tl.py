"""TL as lite-servers speak it: constructor numbers, and a reader and writers for the few types that they use.

On the wire a constructor is the CRC-32 of its declaration in `lite_api.tl` or `ton_api.tl`.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from cocoon.ton.localton.blocks import WHOLE_SHARD
from cocoon.ton.localton.validator import BlockId

_ID: Final = "tonNode.blockIdExt"
_LITE_SERVER: Final = {
    "getMasterchainInfo": "= liteServer.MasterchainInfo",
    "masterchainInfo": f"last:{_ID} state_root_hash:int256 init:tonNode.zeroStateIdExt = liteServer.MasterchainInfo",
    "getTime": "= liteServer.CurrentTime",
    "currentTime": "now:int = liteServer.CurrentTime",
    "getVersion": "= liteServer.Version",
    "version": "mode:# version:int capabilities:long now:int = liteServer.Version",
    "getBlockProof": f"mode:# known_block:{_ID} target_block:mode.0?{_ID} = liteServer.PartialBlockProof",
    "partialBlockProof": (
        f"complete:Bool from:{_ID} to:{_ID} steps:vector liteServer.BlockLink = liteServer.PartialBlockProof"
    ),
    "blockLinkForward": (
        f"to_key_block:Bool from:{_ID} to:{_ID} dest_proof:bytes config_proof:bytes "
        "signatures:liteServer.SignatureSet = liteServer.BlockLink"
    ),
    "getAccountState": f"id:{_ID} account:liteServer.accountId = liteServer.AccountState",
    "accountState": (f"id:{_ID} shardblk:{_ID} shard_proof:bytes proof:bytes state:bytes = liteServer.AccountState"),
    "sendMessage": "body:bytes = liteServer.SendMsgStatus",
    "sendMsgStatus": "status:int = liteServer.SendMsgStatus",
    "getTransactions": "count:# account:liteServer.accountId lt:long hash:int256 = liteServer.TransactionList",
    "transactionList": f"ids:vector {_ID} transactions:bytes = liteServer.TransactionList",
    "getAllShardsInfo": f"id:{_ID} = liteServer.AllShardsInfo",
    "allShardsInfo": f"id:{_ID} proof:bytes data:bytes = liteServer.AllShardsInfo",
    "getConfigAll": f"mode:# id:{_ID} = liteServer.ConfigInfo",
    "getConfigParams": f"mode:# id:{_ID} param_list:vector int = liteServer.ConfigInfo",
    "configInfo": f"mode:# id:{_ID} state_proof:bytes config_proof:bytes = liteServer.ConfigInfo",
    "getBlockHeader": f"id:{_ID} mode:# = liteServer.BlockHeader",
    "blockHeader": f"id:{_ID} mode:# header_proof:bytes = liteServer.BlockHeader",
    "getLibraries": "library_list:vector int256 = liteServer.LibraryResult",
    "libraryResult": "result:vector liteServer.libraryEntry = liteServer.LibraryResult",
    "error": "code:int message:string = liteServer.Error",
    "query": "data:bytes = Object",
    "waitMasterchainSeqno": "seqno:int timeout_ms:int = Object",
}
_TRANSPORT: Final = {
    "adnl.message.query": "query_id:int256 query:bytes = adnl.Message",
    "adnl.message.answer": "query_id:int256 answer:bytes = adnl.Message",
    "tcp.ping": "random_id:long = tcp.Pong",
    "tcp.pong": "random_id:long = tcp.Pong",
}


def _number(declaration: str) -> bytes:
    return struct.pack("<I", zlib.crc32(declaration.encode()))


#: The four bytes of each constructor by its short name.
TL: Final = {name: _number(f"liteServer.{name} {rest}") for name, rest in _LITE_SERVER.items()} | {
    name: _number(f"{name} {rest}") for name, rest in _TRANSPORT.items()
}
NAMES: Final = {number: name for name, number in TL.items()}
TRUE: Final = struct.pack("<I", 0x997275B5)
FALSE: Final = struct.pack("<I", 0xBC799737)
SIGNATURE_SET: Final = struct.pack("<I", 0xF644A6E6)


def tl_bytes(content: bytes) -> bytes:
    """`bytes`: a length of one or four bytes, the content, zeros up to a multiple of four."""
    head = bytes([len(content)]) if len(content) < 254 else b"\xfe" + len(content).to_bytes(3, "little")
    return head + content + bytes(-(len(head) + len(content)) % 4)


def tl_block_id(block: BlockId) -> bytes:
    """`tonNode.blockIdExt`."""
    return struct.pack("<iQI", block.workchain, WHOLE_SHARD, block.seqno) + block.root_hash + block.file_hash


def tl_uint(number: int) -> bytes:
    """`#`."""
    return struct.pack("<I", number)


def tl_int(number: int) -> bytes:
    """`int`."""
    return struct.pack("<i", number)


class Malformed(ValueError):
    """A query ends too early."""


class TlReader:
    """Reads a query from its beginning. Every method raises Malformed at the end."""

    def __init__(self, content: bytes) -> None:
        self._content, self._offset = content, 0

    def raw(self, size: int) -> bytes:
        """So many bytes."""
        found = self._content[self._offset : self._offset + size]
        if len(found) < size:
            raise Malformed(f"{size} bytes wanted, {len(found)} left")
        self._offset += size
        return found

    def uint(self) -> int:
        """`#`."""
        return int.from_bytes(self.raw(4), "little")

    def int32(self) -> int:
        """`int`."""
        return int.from_bytes(self.raw(4), "little", signed=True)

    def long(self) -> int:
        """`long`, read without a sign."""
        return int.from_bytes(self.raw(8), "little")

    def blob(self) -> bytes:
        """`bytes`."""
        start, size = self._offset, self.raw(1)[0]
        if size == 254:
            size = int.from_bytes(self.raw(3), "little")
        found = self.raw(size)
        self.raw(-(self._offset - start) % 4)
        return found

    def block_id(self) -> BlockId:
        """`tonNode.blockIdExt`."""
        workchain, _, seqno = self.int32(), self.long(), self.uint()
        return BlockId(workchain, seqno, self.raw(32), self.raw(32))

    def rest(self) -> bytes:
        """What is left."""
        return self._content[self._offset :]
