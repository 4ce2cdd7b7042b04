"""Inputs as they come: hashed on the way, what it means if they fail, whether a part of one is the declared one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Final, Self

from cocoon.api.job import JobInput
from cocoon.api.receipts import Outcome
from cocoon.runner.endings import INPUT_UNAVAILABLE, Stopped
from cocoon.runner.web import Web, WebError

#: How long the second reading may take, in seconds.
PATIENCE: Final = 60.0


def unavailable(error: WebError) -> Stopped:
    """The end of an attempt whose input can't be read."""
    return Stopped(INPUT_UNAVAILABLE, f"The input can't be read from its address: {error}.", outcome_of(error))


def outcome_of(error: WebError) -> Outcome:
    """Whether to try again elsewhere."""
    return "Failed" if error.lasting else "Interrupted"


class Intake:
    """A stream of chunks that is hashed and counted as it is read: the file as the client stored it, sealed or not."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.done = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self.done = True
            raise
        self._hash.update(chunk)
        self.bytes += len(chunk)
        return chunk

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of what was read so far."""
        return self._hash.hexdigest()


async def is_declared(source: JobInput, intake: Intake | None, web: Web) -> bool:
    """Whether what was taken in is the beginning of an input with the declared digest; False if that can't be told.

    The digest of the beginning is compared as well, for the address might answer differently the second time.
    """
    if source.uri is None or intake is None:
        return True
    if intake.done:
        return intake.digest == source.sha256
    try:
        async with asyncio.timeout(PATIENCE), web.get(source.uri) as chunks:
            hashed, left, begins = hashlib.sha256(), intake.bytes, intake.bytes == 0
            async for chunk in chunks:
                if 0 < left <= len(chunk):
                    hashed.update(chunk[:left])
                    begins = hashed.hexdigest() == intake.digest
                    hashed.update(chunk[left:])
                else:
                    hashed.update(chunk)
                left -= len(chunk)
    except (WebError, TimeoutError):
        return False
    return begins and hashed.hexdigest() == source.sha256
