"""The journal after crashes, damage and full disks."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from cocoon.api.money import Usage
from cocoon.api.runner import Finished
from cocoon.runner import journal as journals
from cocoon.runner.events import Events
from cocoon.runner.journal import Acknowledged, Journal, JournalFull, Record, Recorded, Reserved


def recorded(number: int, size: int = 10) -> Recorded:
    return Recorded(Finished(number, f"job-{number}", 1, "receipt", "", size, "x" * size), "body")


async def written(path: Path, count: int = 3) -> list[int]:
    """Where each record ends."""
    journal = Journal(path)
    journal.open()
    ends = []
    for number in range(count):
        await journal.append(recorded(number))
        ends.append(journal.size)
    journal.close()
    return ends


def read(path: Path) -> tuple[list[int], int]:
    """Numbers of the records that are read, and how many were damaged."""
    journal = Journal(path)
    found = journal.open()
    journal.close()
    return [record.event.number for record in found if isinstance(record, Recorded)], journal.damaged


async def test_what_was_appended_is_read(tmp_path: Path) -> None:
    await written(tmp_path / "journal")
    assert read(tmp_path / "journal") == ([0, 1, 2], 0)


async def test_a_torn_end_is_cut_away_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ends = await written(path)
    whole = path.read_bytes()
    for length in range(ends[1], ends[2]):
        path.write_bytes(whole[:length])
        assert read(path) == ([0, 1], 0)
        assert path.stat().st_size == ends[1]


async def test_a_journal_goes_on_after_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ends = await written(path)
    path.write_bytes(path.read_bytes()[: ends[2] - 1])
    journal = Journal(path)
    journal.open()
    await journal.append(recorded(7))
    journal.close()
    assert read(path) == ([0, 1, 7], 0)


async def test_a_flipped_bit_loses_one_record_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ends = await written(path)
    whole = path.read_bytes()
    for position in range(ends[0], ends[1]):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        assert read(path) == ([0, 2], 1)


async def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    ends = await written(path)
    journal = Journal(path)
    journal.open()
    write = os.pwrite

    def full(descriptor: int, content: Any, offset: int) -> int:
        write(descriptor, content[:9], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(JournalFull, match="No space left on device"):
        await journal.append(recorded(9))
    assert path.stat().st_size == ends[2]
    monkeypatch.undo()
    await journal.append(recorded(10))
    journal.close()
    assert read(path) == ([0, 1, 2, 10], 0)


async def test_a_large_journal_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "COMPACT_AT", 1_000)
    journal = Journal(tmp_path / "journal")
    journal.open()
    await journal.append(recorded(1, size=2_000))
    kept: list[Record] = [recorded(2), Reserved(50), Acknowledged(1)]
    await journal.compact(lambda: kept)
    await journal.append(recorded(3))
    journal.close()
    again = Journal(tmp_path / "journal")
    assert again.open() == [*kept, recorded(3)]
    again.close()


async def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    numbers: list[int] = []

    def make(number: int) -> Finished:
        numbers.append(number)
        return recorded(number).event

    for _ in range(3):
        journal = Journal(tmp_path / "journal")
        events = Events(journal)
        await events.open()
        for _ in range(3):
            await events.finish(make, "body")
        journal.close()
    assert numbers == sorted(set(numbers))
    assert [event.number for event in events.after(0)] == numbers


async def test_acknowledged_ends_are_remembered_but_not_sent(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    events = Events(journal)
    await events.open()
    await events.finish(lambda number: recorded(number).event, "body")
    (event,) = events.after(0)
    await events.acknowledge(event.number)
    journal.close()
    again = Events(Journal(tmp_path / "journal"))
    await again.open()
    assert (again.after(0), again.ending_of(f"{event.uid}/1"), again.unacknowledged) == ((), "body", 0)
    again._journal.close()


class SlowJournal(Journal):
    """A journal on a disk that waits until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def append(self, record: Record) -> None:
        await self.go_on.wait()
        await super().append(record)


async def test_an_end_that_is_still_being_journaled_is_not_passed_over(tmp_path: Path) -> None:
    journal = SlowJournal(tmp_path / "journal")
    events = Events(journal)
    await events.open()
    journal.go_on.clear()
    finishing = asyncio.create_task(events.finish(lambda number: recorded(number).event, "body"))
    await asyncio.sleep(0)
    events.progressed("another", 1, Usage(items=1))
    assert events.after(0) == ()
    journal.go_on.set()
    await finishing
    end, progress = events.after(0)
    assert isinstance(end, Finished)
    assert end.number < progress.number
    journal.close()
