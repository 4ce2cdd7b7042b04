"""Inputs by address: what it means if they fail, and whether one that was read in part is the declared one."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from cocoon.api.job import JobInput
from cocoon.api.receipts import Outcome
from cocoon.runner.endings import INPUT_UNAVAILABLE, Stopped
from cocoon.runner.lines import Lines
from cocoon.runner.web import Web, WebError

#: How long the second reading may take, in seconds.
PATIENCE: Final = 60.0


def unavailable(error: WebError) -> Stopped:
    """The end of an attempt whose input can't be read."""
    return Stopped(INPUT_UNAVAILABLE, f"The input can't be read from its address: {error}.", outcome_of(error))


def outcome_of(error: WebError) -> Outcome:
    """Whether to try again elsewhere."""
    return "Failed" if error.lasting else "Interrupted"


async def is_declared(source: JobInput, lines: Lines | None, web: Web) -> bool:
    """Whether what `lines` has read is the beginning of an input with the declared digest; False if that can't be told.

    The digest of the beginning is compared as well, for the address might answer differently the second time.
    """
    if source.uri is None or lines is None:
        return True
    if lines.done:
        return lines.digest == source.sha256
    try:
        async with asyncio.timeout(PATIENCE), web.get(source.uri) as chunks:
            hashed, left, begins = hashlib.sha256(), lines.bytes, lines.bytes == 0
            async for chunk in chunks:
                if 0 < left <= len(chunk):
                    hashed.update(chunk[:left])
                    begins = hashed.hexdigest() == lines.digest
                    hashed.update(chunk[left:])
                else:
                    hashed.update(chunk)
                left -= len(chunk)
    except (WebError, TimeoutError):
        return False
    return begins and hashed.hexdigest() == source.sha256
