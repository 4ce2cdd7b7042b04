"""Files that people name, read a piece at a time: they may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cocoon.cli.failure import Failure

_CHUNK: Final = 1 << 18


def chunks(path: Path) -> Iterator[bytes]:
    """The file's content, 256 KiB at a time. Raises Failure."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise Failure(f"{path} can't be read: {error.strerror}.") from error
