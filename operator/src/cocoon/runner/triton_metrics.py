"""Triton's own metrics, passed on: its port is open inside the Pod alone, where nobody but the runner can ask.

What Triton says is not verified, and nothing is billed by it. Only its figures (`nv_…`) pass, and only so many: the
model's code shares the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import aiohttp

#: Bytes and lines of an answer that are looked at.
MOST_BYTES: Final = 1 << 20
MOST_LINES: Final = 2_000
_DEADLINE: Final = aiohttp.ClientTimeout(total=3)
_OURS: Final = ("nv_", "# HELP nv_", "# TYPE nv_")


class NoFigures(Exception):
    """Triton's figures could not be had: a sentence."""


async def triton_figures(address: str) -> str:
    """What Triton at HOST:PORT shows, in Prometheus' text format. Raises NoFigures."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_DEADLINE, trust_env=False) as session,
            session.get(f"http://{address}/metrics", allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise NoFigures(f"Triton answered {answer.status}.")
            body = await answer.content.read(MOST_BYTES)
            while len(body) < MOST_BYTES and (more := await answer.content.read(MOST_BYTES - len(body))):
                body += more
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NoFigures(f"Triton's metrics can't be read: {type(error).__name__}.") from None
    return "".join(_figures(body.decode(errors="replace")))


def _figures(text: str) -> Iterator[str]:
    """Whole lines of Triton's; the last one may have been cut off."""
    whole, _, _ = text.rpartition("\n")
    found = (line for line in whole.split("\n") if line.startswith(_OURS))
    for _, line in zip(range(MOST_LINES), found, strict=False):
        yield f"{line}\n"
