"""The form in which answers are handed over: as they are, or sealed to the client, in armor where only text fits."""

from __future__ import annotations

from typing import Final, Protocol

from cocoon.api.job import JobOutput
from cocoon.attest import sealing
from cocoon.attest.age import armor, keys, payload
from cocoon.attest.age.failures import AgeError
from cocoon.runner.endings import SEALED_INVALID, Stopped


class Form(Protocol):
    """Pushed lines, gives bytes."""

    def begin(self) -> bytes:
        """What comes before the first line."""

    def push(self, line: bytes) -> bytes:
        """What is known with this line."""

    def finish(self, held: bytes) -> bytes:
        """What has not been written to a file yet, `held`, with all that follows the last line."""

    def size(self, taken: int) -> int:
        """How many bytes are handed over for so many of answers."""


class Plain:
    """Lines as they are."""

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def push(self, line: bytes) -> bytes:
        """The line."""
        return line

    def finish(self, held: bytes) -> bytes:
        """Nothing more."""
        return held

    def size(self, taken: int) -> int:
        """The lines alone."""
        return taken


PLAIN: Final = Plain()


class Sealed:
    """An age file for one recipient, in armor or not. Raises Stopped if nobody can be sealed to."""

    def __init__(self, recipient: str, *, armored: bool) -> None:
        try:
            self._header, self._sealer = sealing.begin_output(keys.recipient_key(recipient))
        except AgeError as error:
            raise Stopped(SEALED_INVALID, f"output.sealTo is no recipient: {error}") from None
        self._armored = armored

    def begin(self) -> bytes:
        """The header."""
        return self._header

    def push(self, line: bytes) -> bytes:
        """The parts that are full."""
        return self._sealer.push(line)

    def finish(self, held: bytes) -> bytes:
        """The last part. In armor, `held` is the whole file so far: answers that few were never written."""
        content = held + self._sealer.finish()
        return armor.encode(content) if self._armored else content

    def size(self, taken: int) -> int:
        """The file's size with its header."""
        size = len(self._header) + payload.sealed_size(taken)
        return armor.armored_size(size) if self._armored else size


def form_of(output: JobOutput) -> Form:
    """What the client asks for. Raises Stopped."""
    if output.seal_to is None:
        return PLAIN
    return Sealed(output.seal_to, armored=output.uri is None)
