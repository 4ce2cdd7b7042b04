"""The answers of one attempt until they are handed over: in memory while few, in a file of the journal's volume beyond.

Nothing leaves the runner before the whole input's digest is known to be right, so all answers wait here. Answers that
are sealed to the client are sealed before they come here: the volume never holds them in the clear.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final

from cocoon.runner import web
from cocoon.runner.endings import OUTPUT_TOO_LARGE, SPOOL_UNAVAILABLE, Stopped, interrupted
from cocoon.runner.forms import PLAIN, Form

#: What is kept in memory before it goes to the file.
BUFFER: Final = 1 << 20


class Spool:
    """Append lines, `finish`, then read them once or more; `limit` in bytes, of what is handed over."""

    def __init__(self, path: Path, limit: int, form: Form = PLAIN) -> None:
        self._path = path
        self._limit = limit
        self._form = form
        self._buffer = bytearray(form.begin())
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._lock = asyncio.Lock()
        self._written = 0
        self.taken = 0

    @property
    def size(self) -> int:
        """How many bytes there are to hand over so far."""
        return self._written + len(self._buffer)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of what is handed over."""
        hashed = self._hash.copy()
        hashed.update(self._buffer)
        return hashed.hexdigest()

    def append(self, line: bytes) -> None:
        """Add a line. Raises Stopped if the output gets too large."""
        if self._form.size(self.taken + len(line)) > self._limit:
            raise Stopped(OUTPUT_TOO_LARGE, f"The answers have more than the {self._limit} bytes that they may have.")
        self._buffer += self._form.push(line)
        self.taken += len(line)

    def finish(self) -> None:
        """No line follows."""
        self._buffer = bytearray(self._form.finish(bytes(self._buffer)))

    @property
    def full(self) -> bool:
        """Whether `flush` should be called before more is added."""
        return len(self._buffer) >= BUFFER

    async def flush(self) -> None:
        """Write the buffer to the file. Raises Stopped if the volume is full."""
        async with self._lock:
            batch, self._buffer = bytes(self._buffer), bytearray()
            self._written += len(batch)
            try:
                await asyncio.to_thread(self._write, batch)
            except OSError as error:
                reason = f"The server can't keep the answers: {error.strerror or 'the disk failed'}."
                raise interrupted(SPOOL_UNAVAILABLE, reason) from None

    def _write(self, batch: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("xb", buffering=0)
        self._hash.update(batch)
        left = memoryview(batch)
        while left:
            left = left[self._file.write(left) :]

    def text(self) -> str:
        """All of it; only where it was never flushed."""
        return self._buffer.decode()

    async def chunks(self) -> AsyncIterator[bytes]:
        """All of it, from the start."""
        if self._file is not None:
            async for chunk in web.file_chunks(self._path):
                yield chunk
        if self._buffer:
            yield bytes(self._buffer)

    def discard(self) -> None:
        """Forget everything."""
        self._buffer.clear()
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None
