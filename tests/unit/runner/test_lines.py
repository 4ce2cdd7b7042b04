"""Lines, however the stream is cut into chunks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as some

from cocoon.runner.inputs import Intake
from cocoon.runner.lines import Line, Lines

LONGEST = 6


async def stream(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def split(chunks: list[bytes]) -> tuple[list[Line], str]:
    intake = Intake(stream(chunks))
    lines = Lines(intake, LONGEST)
    found = []
    while (line := await lines.take()) is not None:
        found.append(line)
    assert intake.done
    assert intake.bytes == sum(map(len, chunks))
    return found, intake.digest


def expected(content: bytes) -> list[bytes | None]:
    """None for a line that is too long."""
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    while lines and len(lines[-1]) <= LONGEST and not lines[-1].strip():
        lines.pop()
    return [None if len(line) > LONGEST else (line if line.strip() else b"") for line in lines]


@given(some.lists(some.text(alphabet="ab \n\r", max_size=12).map(str.encode), max_size=12))
def test_lines_do_not_depend_on_chunks(chunks: list[bytes]) -> None:
    found, digest = asyncio.run(split(chunks))
    whole = b"".join(chunks)
    assert [None if line.too_long else line.content for line in found] == expected(whole)
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    assert digest == hashlib.sha256(whole).hexdigest()


async def test_every_taker_gets_its_own_lines() -> None:
    lines = Lines(stream([b"%d\n" % number for number in range(100)]), LONGEST)

    async def taker() -> list[int]:
        taken = []
        while (line := await lines.take()) is not None:
            taken.append(int(line.content))
            await asyncio.sleep(0)
        return taken

    taken = await asyncio.gather(*(taker() for _ in range(4)))
    assert sorted(number for each in taken for number in each) == list(range(100))
