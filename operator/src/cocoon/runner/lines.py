"""A stream of bytes as numbered lines, in constant memory however long a line is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from msgspec import Struct


class Line(Struct, frozen=True):
    """One line without its end; `number` counts from 1. A `too_long` one was read past and holds nothing."""

    number: int
    content: bytes
    too_long: bool = False


class Lines:
    """Hands out lines to any number of takers, each line once and in order.

    Blank lines at the end of the stream are no lines; elsewhere they are (and parse as nothing valid).
    """

    def __init__(self, chunks: AsyncIterator[bytes], longest: int) -> None:
        self._chunks = chunks
        self._longest = longest
        self._ready: deque[Line] = deque()
        self._rest = bytearray()
        self._overrun = False
        self._blanks = 0
        self._number = 0
        self._done = False
        self._lock = asyncio.Lock()

    async def take(self) -> Line | None:
        """The next line; None after the last one. Raises what the stream raises."""
        if not self._ready and not self._done:
            async with self._lock:
                while not self._ready and not self._done:
                    await self._read()
        return self._ready.popleft() if self._ready else None

    async def _read(self) -> None:
        chunk = await anext(self._chunks, None)
        if chunk is None:
            self._finish()
        else:
            self._split(chunk)

    def _split(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._extend(first)
        for part in others:
            self._end_line()
            self._extend(part)

    def _extend(self, part: bytes) -> None:
        if self._overrun or len(self._rest) + len(part) > self._longest + 1:  # one more, for a carriage return
            self._overrun = True
            self._rest.clear()
        else:
            self._rest += part

    def _end_line(self) -> None:
        content = bytes(self._rest).removesuffix(b"\r")
        too_long = self._overrun or len(content) > self._longest
        if not too_long and not content.strip():
            self._blanks += 1
        else:
            for _ in range(self._blanks):
                self._emit(b"", too_long=False)
            self._blanks = 0
            self._emit(content, too_long=too_long)
        self._rest.clear()
        self._overrun = False

    def _emit(self, content: bytes, *, too_long: bool) -> None:
        self._number += 1
        self._ready.append(Line(self._number, b"" if too_long else content, too_long))

    def _finish(self) -> None:
        if self._rest or self._overrun:
            self._end_line()
        self._done = True
