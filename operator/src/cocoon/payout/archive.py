"""The append-only archive: what moves money and comes from outside, kept before it is acknowledged.

Here in one folder of segments, each a file of JSON lines that is only appended to; each process begins a segment of its
own. A line that was cut off by a crash is the last of its segment, and nobody was told that it was taken. (In S3:
cocoon.payout.archive_s3.)

What is lost with the database can be made again from this folder and the chain: receipts, evidence and credits.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from cocoon.api.payout import WorkState
from cocoon.api.times import Instant

#: A segment that has grown to this is closed, in bytes.
SEGMENT_BYTES: Final = 256 << 20
_SUFFIX: Final = ".jsonl"


class ArchiveFull(Exception):
    """The archive could not be written; nothing may be acknowledged."""


class ReceiptTaken(Struct, frozen=True, tag="receipt"):
    """A receipt as it was decided at `at`; what it moved follows from its claims and `fee`."""

    at: Instant
    cluster: str
    receipt: str
    state: WorkState
    fee: str


class EvidenceTaken(Struct, frozen=True, tag="evidence"):
    """A bundle that was trusted, and the window that it opened."""

    at: Instant
    bundle: bytes
    opens: Instant
    closes: Instant


class CreditTaken(Struct, frozen=True, tag="credit"):
    """A client's account was credited."""

    at: Instant
    cluster: str
    namespace: str
    id: str
    amount: str


class TestOrdered(Struct, frozen=True, tag="test"):
    """A test payment to a raw address was ordered by `by`."""

    at: Instant
    id: str
    payee: str
    by: str


class DriftTaken(Struct, frozen=True, tag="drift"):
    """What the wallets have beyond the books (nanoTON, signed) was taken over by `by`, who says why."""

    at: Instant
    id: str
    amount: str
    by: str
    reason: str


Record = ReceiptTaken | EvidenceTaken | CreditTaken | TestOrdered | DriftTaken


class Archive(Protocol):
    """Where records are kept, one batch after the other: the writer of the database appends them."""

    async def append(self, records: Sequence[Record]) -> None:
        """Return when they are kept for good. Raises ArchiveFull; then none of them counts."""

    def read(self) -> Iterator[Record]:
        """All records in the order in which they came. Raises ValueError for one that can't be read."""

    def close(self) -> None:
        """Nothing more is appended."""


def lines_of(records: Sequence[Record]) -> bytes:
    """As they are kept: a line of JSON for each."""
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


class S3Settings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A bucket and a prefix within it. The key pair comes from two files; `ca_file` (PEM) is a private authority's."""

    bucket: str
    access_key_file: str
    secret_key_file: str
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = "payout-archive"
    ca_file: str = ""


class FolderArchive:
    """Appends to one segment. Calls must follow one another: the writer of the database makes them."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self._most = segment_bytes
        self._descriptor: int | None = None
        self._length = 0

    async def append(self, records: Sequence[Record]) -> None:
        """Return when they are on the disk. Raises ArchiveFull; then none of them counts."""
        if records:
            await asyncio.to_thread(self._write, lines_of(records))

    def read(self) -> Iterator[Record]:
        """All records, oldest segment first."""
        return read_archive(self.folder)

    def _write(self, lines: bytes) -> None:
        try:
            descriptor = self._segment()
            self._write_all(descriptor, lines)
            os.fdatasync(descriptor)
        except OSError as error:
            self._give_up_segment()
            raise ArchiveFull(f"The archive can't be written: {error.strerror or error}.") from None
        self._length += len(lines)

    def _segment(self) -> int:
        if self._descriptor is not None and self._length >= self._most:
            self.close()
        if self._descriptor is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}{_SUFFIX}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._descriptor, self._length = os.open(self.folder / name, flags, 0o600), 0
            _sync_folder(self.folder)
        return self._descriptor

    @staticmethod
    def _write_all(descriptor: int, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def _give_up_segment(self) -> None:
        """Cut off what was not acknowledged, as far as the disk lets us, and go on in another segment."""
        if self._descriptor is not None:
            with suppress(OSError):  # readers stop at a line that was cut off
                os.ftruncate(self._descriptor, self._length)
            self.close()

    def close(self) -> None:
        """Nothing more comes into this segment."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_archive(folder: Path) -> Iterator[Record]:
    """All records, oldest segment first. Raises ValueError for a whole line that is no record."""
    decoder = msgspec.json.Decoder(Record)
    for segment in sorted(folder.glob(f"*{_SUFFIX}")):
        with segment.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    yield decoder.decode(line)
                except msgspec.MsgspecError as error:
                    raise ValueError(f"{segment.name}, line {number}: {error}") from None
