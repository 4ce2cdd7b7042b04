"""An age file's payload: a nonce of 16 bytes, then the content in chunks of 64 KiB, each sealed on its own (STREAM).

    chunk n = ChaCha20-Poly1305(payload key, nonce = n (11 bytes, big-endian) | 1 if it is the last, else 0)

Both directions are pushed bytes and hold back at most one chunk, so that memory is flat however long the file is. A
file is whole only once `finish` has returned: what came before is authentic, but may be the beginning of a cut file.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.wrapping import derive

CHUNK: Final = 64 << 10
TAG: Final = 16
NONCE: Final = 16
_SEALED: Final = CHUNK + TAG


def sealed_size(size: int) -> int:
    """How many bytes the payload of so much content has."""
    return NONCE + size + TAG * max(1, -(-size // CHUNK))


class Sealer:
    """Content in, payload out."""

    def __init__(self, file_key: bytes) -> None:
        nonce = os.urandom(NONCE)
        self._cipher = ChaCha20Poly1305(derive(file_key, nonce, b"payload"))
        self._out = [nonce]
        self._held = bytearray()
        self._number = 0

    def push(self, content: bytes) -> bytes:
        """The part of the payload that is known now."""
        self._held += content
        whole = max(0, (len(self._held) - 1) // CHUNK)  # a full chunk may be the last: it waits for a byte after it
        with memoryview(self._held) as view:
            for i in range(whole):
                self._seal(view[i * CHUNK : (i + 1) * CHUNK], last=False)
        del self._held[: whole * CHUNK]
        return self._take()

    def finish(self) -> bytes:
        """The rest of it."""
        self._seal(self._held, last=True)
        self._held = bytearray()
        return self._take()

    def _seal(self, content: bytearray | memoryview, *, last: bool) -> None:
        self._out.append(self._cipher.encrypt(_nonce(self._number, last=last), content, None))
        self._number += 1

    def _take(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out


class Opener:
    """Payload in, content out. Both methods raise AgeError for a payload that is not what was sealed."""

    def __init__(self, file_key: bytes) -> None:
        self._file_key = file_key
        self._cipher: ChaCha20Poly1305 | None = None
        self._held = bytearray()
        self._number = 0

    def push(self, payload: bytes) -> bytes:
        """The content that is known to be authentic now."""
        self._held += payload
        if self._cipher is None:
            if len(self._held) < NONCE:
                return b""
            self._cipher = ChaCha20Poly1305(derive(self._file_key, bytes(self._held[:NONCE]), b"payload"))
            del self._held[:NONCE]
        whole = max(0, (len(self._held) - 1) // _SEALED)
        with memoryview(self._held) as view:
            out = [self._open(self._cipher, view[i * _SEALED : (i + 1) * _SEALED], last=False) for i in range(whole)]
        del self._held[: whole * _SEALED]
        return b"".join(out)

    def finish(self) -> bytes:
        """The rest of the content, once the file has ended where its writer ended it."""
        if self._cipher is None or len(self._held) < TAG:
            raise AgeError("payload", "The file is cut: its last part is missing.")
        if len(self._held) == TAG and self._number:
            raise AgeError("payload", "The file ends with an empty part, which no writer makes.")
        with memoryview(self._held) as view:
            return self._open(self._cipher, view, last=True)

    def _open(self, cipher: ChaCha20Poly1305, sealed: memoryview, *, last: bool) -> bytes:
        nonce = _nonce(self._number, last=last)
        self._number += 1
        try:
            return cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            detail = f"The file is cut or was changed in its part {self._number} of {CHUNK >> 10} KiB."
            raise AgeError("payload", detail) from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
