"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cocoon.cli.failure import Failure


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write beside `path`, readable by its owner alone, and take its place at the end. Raises Failure."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise Failure(f"{path} can't be written: {error.strerror}.") from error
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise Failure(f"{path} can't be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)
