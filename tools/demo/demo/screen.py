"""What a person watching sees: steps with their seconds, and within each what is going on."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO


class Screen:
    """Writes to `stream`, standard output unless told."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: Final = sys.stdout if stream is None else stream
        self._begun: Final = time.monotonic()
        self._steps: list[tuple[str, float]] = []

    @contextmanager
    def step(self, title: str, hint: str = "") -> Iterator[None]:
        """Announce a step, and say how long it took when it has succeeded."""
        begun = time.monotonic()
        self._write(f"\n── {title}" + (f" ({hint})" if hint else ""))
        yield
        took = time.monotonic() - begun
        self._steps.append((title, took))
        self._write(f"   {took:.1f} s")

    def say(self, line: str) -> None:
        """One line with the seconds since the start."""
        self._write(f"   {time.monotonic() - self._begun:6.1f} s  {line}")

    def show(self, lines: list[str]) -> None:
        """Lines as they are."""
        for line in lines:
            self._write(f"   {line}")

    def summary(self) -> None:
        """How long each step took, and all of it."""
        self._write("")
        for title, took in self._steps:
            self._write(f"   {took:6.1f} s  {title}")
        self._write(f"   {time.monotonic() - self._begun:6.1f} s  in all")

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
