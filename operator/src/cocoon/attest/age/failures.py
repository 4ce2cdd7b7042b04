"""Why an age file can't be opened."""

from __future__ import annotations

from typing import Literal

Stage = Literal["armor", "header", "mac", "no match", "payload", "key"]


class AgeError(ValueError):
    """Any refusal: where it was found, and a sentence without a byte of the file in it."""

    def __init__(self, stage: Stage, message: str) -> None:
        super().__init__(message)
        self.stage = stage
