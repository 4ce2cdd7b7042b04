"""ADNL over TCP: how clients reach a lite-server (docs.ton.org, "ADNL TCP - liteserver").

The client's first 256 bytes name the server's key and bring, encrypted for it, the keys of two AES-CTR streams; then
packets follow: length 4 | nonce 32 | payload | SHA-256 of nonce and payload 32.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import Final

from Cryptodome.Cipher import AES
from Cryptodome.Cipher._mode_ctr import CtrMode
from nacl.bindings import crypto_scalarmult
from nacl.signing import SigningKey, VerifyKey

from cocoon.ton.localton.queries import Queries
from cocoon.ton.localton.tl import TL, Malformed, TlReader, tl_bytes

_HANDSHAKE: Final = 256
_NONCE: Final = 32
_CHECKSUM: Final = 32
_MAXIMUM_PACKET: Final = 1 << 24


class WrongHandshake(ConnectionError):
    """Encrypted for another server's key, or damaged."""


class AdnlServer:
    """A lite-server's key and its connections."""

    def __init__(self, queries: Queries, seed: bytes = b"the lite-server of a local chain") -> None:
        self._queries = queries
        self._key = SigningKey(hashlib.sha256(seed).digest())
        self.public_key = bytes(self._key.verify_key)
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Accept clients; port 0 takes a free one."""
        return await asyncio.start_server(self._accept, host, port)

    async def disconnect(self) -> None:
        """Close every connection, as a server that goes away does."""
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the client goes. Queries are answered side by side, for one may wait for a block."""
        try:
            session = _Session(self._key, await reader.readexactly(_HANDSHAKE))
            writer.write(session.packet(b""))
            async with asyncio.TaskGroup() as answers:
                while True:
                    answers.create_task(self._reply(session, writer, await session.read(reader)))
        except* (asyncio.IncompleteReadError, ConnectionError, Malformed):
            pass  # the client went away, or is none
        finally:
            writer.close()

    async def _reply(self, session: _Session, writer: asyncio.StreamWriter, payload: bytes) -> None:
        if answer := await self._answer(payload):
            writer.write(session.packet(answer))
            await writer.drain()

    async def _answer(self, payload: bytes) -> bytes:
        message = TlReader(payload)
        kind = message.raw(4)
        if kind == TL["tcp.ping"]:
            return TL["tcp.pong"] + message.raw(8)
        if kind == TL["adnl.message.query"]:
            query_id = message.raw(32)
            return TL["adnl.message.answer"] + query_id + tl_bytes(await self._queries.answer(message.blob()))
        return b""  # such as tcp.authentificate, by which clients offer to say who they are


class _Session:
    """The two streams of one connection."""

    def __init__(self, key: SigningKey, handshake: bytes) -> None:
        client, checksum, encrypted = handshake[32:64], handshake[64:96], handshake[96:]
        shared = crypto_scalarmult(
            bytes(key.to_curve25519_private_key()), bytes(VerifyKey(client).to_curve25519_public_key())
        )
        keys = _stream(shared[:16] + checksum[16:], checksum[:4] + shared[20:]).decrypt(encrypted)
        if hashlib.sha256(keys).digest() != checksum:
            raise WrongHandshake("a handshake for another server's key")
        self._receive, self._send = _stream(keys[32:64], keys[80:96]), _stream(keys[:32], keys[64:80])

    def packet(self, payload: bytes) -> bytes:
        content = os.urandom(_NONCE) + payload
        size = (len(content) + _CHECKSUM).to_bytes(4, "little")
        return self._send.encrypt(size + content + hashlib.sha256(content).digest())

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        size = int.from_bytes(self._receive.decrypt(await reader.readexactly(4)), "little")
        if not _NONCE + _CHECKSUM <= size <= _MAXIMUM_PACKET:
            raise ConnectionError(f"a packet of {size} bytes")
        packet = self._receive.decrypt(await reader.readexactly(size))
        content, checksum = packet[:-_CHECKSUM], packet[-_CHECKSUM:]
        if hashlib.sha256(content).digest() != checksum:
            raise ConnectionError("a damaged packet")
        return content[_NONCE:]


def _stream(key: bytes, counter: bytes) -> CtrMode:
    return AES.new(key, AES.MODE_CTR, initial_value=counter, nonce=b"")
