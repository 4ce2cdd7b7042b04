"""What a person watching sees: one line for each step, with the seconds since the start."""

import sys
import time
from typing import Final, TextIO


class Screen:
    """Writes progress to `stream` (standard error unless told), so that standard output stays free for answers."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: Final = sys.stderr if stream is None else stream
        self._begun: Final = time.monotonic()

    def say(self, line: str) -> None:
        """Write one line at once."""
        self._stream.write(f"{time.monotonic() - self._begun:7.1f} s  {line}\n")
        self._stream.flush()
