r"""Receipts on disk until the operator has them: an append-only file of checked records, synced at each one.

    record = b"CJ1\n" | length (4, little-endian) | CRC-32 of the payload (4) | payload (JSON)

A record that is cut off at the end of the file was never acknowledged to anybody and is cut away. A damaged one in the
middle is skipped and counted: the records behind it are found by their mark.
"""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from cocoon.api.runner import Finished

MARK: Final = b"CJ1\n"
_HEAD: Final = struct.Struct("<4sII")
#: The file is rewritten with what is still needed once it has this many bytes.
COMPACT_AT: Final = 32 << 20


class Recorded(Struct, frozen=True, tag="finished"):
    """An attempt's end; `body` is the digest of its assignment, `evidence` that of the evidence its receipt names."""

    event: Finished
    body: str
    evidence: str = ""


class Shown(Struct, frozen=True, tag="evidence"):
    """A bundle (JSON) that speaks for the key which signs the receipts that name its digest."""

    name: str
    bundle: bytes


class Reserved(Struct, frozen=True, tag="reserved"):
    """Event numbers up to this one may have been given out."""

    up_to: int


class Acknowledged(Struct, frozen=True, tag="acknowledged"):
    """The operator has everything up to this number."""

    up_to: int


class Ended(Struct, frozen=True, tag="ended"):
    """An attempt whose end was acknowledged: it must never be done again."""

    key: str
    body: str


Record = Recorded | Shown | Reserved | Acknowledged | Ended
_DECODER: Final = msgspec.json.Decoder(Record)


class JournalFull(OSError):
    """The record could not be made durable; nothing of it is in the file."""


class Journal:
    """One file. Records are appended one at a time and are durable when `append` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._descriptor = -1
        self.size = 0
        self.damaged = 0
        self._suspect = False

    def open(self) -> list[Record]:
        """Read what is there, cut away a torn end, and keep the file open. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        raw = self._path.read_bytes()
        found = list(self._records(raw))
        self.size = found[-1][0] if found else 0
        os.ftruncate(self._descriptor, self.size)
        os.lseek(self._descriptor, self.size, os.SEEK_SET)
        return [record for _, record in found]

    def _records(self, raw: bytes) -> Iterator[tuple[int, Record]]:
        position = 0
        while (start := raw.find(MARK, position)) >= 0:
            end, record = _whole(raw, start)
            if record is None:
                position = start + 1
                self._suspect = True
                continue
            self.damaged += self._suspect or start > position
            self._suspect = False
            position = end
            yield end, record

    async def append(self, record: Record) -> None:
        """Make a record durable. Raises JournalFull, and then the file is as it was."""
        payload = msgspec.json.encode(record)
        framed = _HEAD.pack(MARK, len(payload), zlib.crc32(payload)) + payload
        async with self._lock:
            await asyncio.to_thread(self._append, framed)

    def _append(self, framed: bytes) -> None:
        try:
            written = os.pwrite(self._descriptor, framed, self.size)
            if written != len(framed):
                raise OSError("the disk is full")  # noqa: TRY301 - a short write is this kind of error
            os.fdatasync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self.size)
            raise JournalFull(f"The journal can't be written: {error.strerror or error}.") from None
        self.size += len(framed)

    async def compact(self, live: Callable[[], list[Record]]) -> None:
        """Replace the file by one with only these records, if it has grown large. Raises JournalFull."""
        if self.size < COMPACT_AT:
            return
        async with self._lock:
            await asyncio.to_thread(self._rewrite, live())

    def _rewrite(self, records: list[Record]) -> None:
        fresh = self._path.with_suffix(".new")
        payloads = [msgspec.json.encode(record) for record in records]
        try:
            with fresh.open("wb") as file:
                for payload in payloads:
                    file.write(_HEAD.pack(MARK, len(payload), zlib.crc32(payload)) + payload)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise JournalFull(f"The journal can't be written: {error.strerror or error}.") from None
        self._adopt(fresh)

    def _adopt(self, fresh: Path) -> None:
        fresh.replace(self._path)
        _sync_folder(self._path.parent)
        os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _whole(raw: bytes, start: int) -> tuple[int, Record | None]:
    """The record that starts here and where it ends; None unless it is whole, undamaged and known."""
    if start + _HEAD.size > len(raw):
        return start, None
    _, length, checksum = _HEAD.unpack_from(raw, start)
    end = start + _HEAD.size + length
    payload = raw[start + _HEAD.size : end]
    if end > len(raw) or zlib.crc32(payload) != checksum:
        return start, None
    try:
        return end, _DECODER.decode(payload)
    except msgspec.MsgspecError:
        return start, None


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
