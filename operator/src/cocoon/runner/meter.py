"""Counting units with the model's own tokenizer: never what the model process claims.

The tokenizer's file decides what is cut: it is never asked to pad, and it truncates as the file says, so that text a
model never sees is not billed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

#: Longer texts are tokenized on a thread, so that other items go on.
_INLINE_CHARACTERS: Final = 8_192


class MeterError(ValueError):
    """The model has no usable tokenizer; the message is a sentence."""


class Meter:
    """Counts tokens; without a tokenizer everything counts 0."""

    def __init__(self, tokenizer: Tokenizer | None = None) -> None:
        self._tokenizer = tokenizer

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens are counted at all."""
        return self._tokenizer is not None

    async def tokens(self, texts: Sequence[str]) -> int:
        """Tokens of these texts, special ones included as the tokenizer adds them."""
        if self._tokenizer is None or not texts:
            return 0
        if sum(len(text) for text in texts) > _INLINE_CHARACTERS:
            return await asyncio.to_thread(self._count, self._tokenizer, texts)
        return self._count(self._tokenizer, texts)

    @staticmethod
    def _count(tokenizer: Tokenizer, texts: Sequence[str]) -> int:
        return sum(len(tokenizer.encode(text)) for text in texts)


def open_meter(model: Path, tokenizer: str | None) -> Meter:
    """A meter with the tokenizer at this path inside the model's folder. Raises MeterError."""
    if tokenizer is None:
        raise MeterError("The model is metered in tokens but names no tokenizer file.")
    path = (model / tokenizer).resolve()
    if not path.is_relative_to(model.resolve()) or not path.is_file():
        raise MeterError(f"The model holds no tokenizer file {tokenizer[:200]!r}.")
    try:
        loaded = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library raises plain Exception for every malformed file
        raise MeterError(f"The tokenizer file {tokenizer[:200]!r} can't be read: {str(error)[:200]}.") from None
    loaded.no_padding()
    return Meter(loaded)
