"""Opening a library of collateral from what an administrator wrote: `vendors`, an https address, or a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from cocoon.attest.library import Library
from cocoon.attest.sources import Folder, Mirror, Source
from cocoon.attest.vendors import Vendors

VENDORS: Final = "vendors"


def read_places(text: str) -> tuple[str, ...]:
    """Places separated by commas. Raises ValueError for one that is none."""
    places = tuple(place.strip() for place in text.split(",") if place.strip())
    for place in places:
        if place != VENDORS and not place.startswith(("https://", "http://", "/")):
            raise ValueError(_unknown(place))
    return places


@asynccontextmanager
async def open_library(
    places: Sequence[str], kept: str, now: Callable[[], float], more_authorities: str = ""
) -> AsyncIterator[Library]:
    """A library over these places, asked in order; `kept` is a folder for copies, or empty.

    `more_authorities` (PEM) are trusted besides the public ones.

    Raises ValueError for a place that is none.
    """
    async with AsyncExitStack() as stack:
        sources = [await _open(place, more_authorities, stack) for place in places]
        yield Library(sources, now, Folder(Path(kept)) if kept else None)


async def _open(place: str, more: str, stack: AsyncExitStack) -> Source:
    if place == VENDORS:
        return await stack.enter_async_context(Vendors(more_authorities=more))
    if place.startswith(("https://", "http://")):
        return await stack.enter_async_context(Mirror(place, more))
    if place.startswith("/"):
        return Folder(Path(place))
    raise ValueError(_unknown(place))


def _unknown(place: str) -> str:
    return f"{place!r} is no source of collateral: write vendors, an https address, or an absolute path."
