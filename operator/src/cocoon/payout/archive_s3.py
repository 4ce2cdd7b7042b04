"""The archive in a bucket of S3, for services whose disk does not outlive them.

Each batch of records is one object, written once: its name begins with the time and ends with the content's digest, so
that a try whose answer was lost can be made again. Nothing is ever changed or deleted; give the service's key no
right to do so, and the bucket a retention rule.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from cocoon.payout.archive import ArchiveFull, Record, S3Settings, lines_of

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config  # there are no such names when it runs

#: Seconds that one batch may take, tries included; receipts are answered "later" then.
DEADLINE: Final = 20.0
#: What the library raises; some of its errors are Python's own, such as FileNotFoundError for a missing bucket.
_FAILURES: Final = (BaseError, OSError)


class BadBucket(ValueError):
    """The bucket's settings can't work; the message says which and why."""


class S3Archive:
    """Puts one object for each batch."""

    def __init__(self, settings: S3Settings) -> None:
        """Raises BadBucket if a file can't be read; the bucket itself is tried with the first batch."""
        self._store = _open(settings)
        self._prefix = settings.prefix.strip("/")
        self._last = datetime.fromtimestamp(0, UTC)

    async def append(self, records: Sequence[Record]) -> None:
        """Return when the bucket has them. Raises ArchiveFull."""
        if not records:
            return
        lines = lines_of(records)
        name = self._name(lines)
        try:
            async with asyncio.timeout(DEADLINE):
                await self._store.put_async(name, lines, mode="create")
        except AlreadyExistsError:
            return  # a name has one content: an earlier try got through
        except _FAILURES as error:
            raise ArchiveFull(f"The archive's bucket does not take it: {type(error).__name__}.") from None

    def _name(self, lines: bytes) -> str:
        """Later than all before, however the clock jumps within this process."""
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return f"{self._prefix}/{self._last:%Y%m%dT%H%M%S.%f}-{hashlib.sha256(lines).hexdigest()[:32]}.jsonl"

    def read(self) -> Iterator[Record]:
        """All records, oldest object first. Raises ValueError for a bucket or a line that can't be read."""
        decoder = msgspec.json.Decoder(Record)
        try:
            names = sorted(each["path"] for page in self._store.list(f"{self._prefix}/") for each in page)
            for name in names:
                for number, line in enumerate(bytes(self._store.get(name).bytes()).splitlines(), 1):
                    try:
                        yield decoder.decode(line)
                    except msgspec.MsgspecError as error:
                        raise ValueError(f"{name}, line {number}: {error}") from None
        except _FAILURES as error:
            raise ValueError(f"The archive's bucket can't be read: {type(error).__name__}.") from None

    def close(self) -> None:
        """Nothing is kept open."""


def _open(settings: S3Settings) -> S3Store:
    client: ClientConfig = {"timeout": "10s"}
    if settings.ca_file:
        client["root_certificate"] = _content(settings.ca_file, "caFile")
    config: S3Config = {
        "region": settings.region,
        "access_key_id": _content(settings.access_key_file, "accessKeyFile"),
        "secret_access_key": _content(settings.secret_key_file, "secretKeyFile"),
        "virtual_hosted_style_request": False,
    }
    if settings.endpoint:
        config["endpoint"] = settings.endpoint
    return S3Store(settings.bucket, config=config, client_options=client)


def _content(file: str, name: str) -> str:
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadBucket(f"archiveBucket.{name}: {why}: {file}") from None
