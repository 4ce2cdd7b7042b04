"""Where messages wait that the lite-server took, and what may become of them before they reach a block.

A real network promises nothing about a message that a lite-server accepted: it can be lost, come late, or come twice.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Protocol

from msgspec import Struct

from cocoon.ton.localton.native_cells import NativeCell


class Mempool(Protocol):
    """Between lite-server and blocks."""

    def add(self, message: NativeCell) -> None:
        """A message was accepted."""

    def next_block(self) -> list[NativeCell]:
        """The messages for the block that is made now, oldest first."""

    def waiting(self) -> bool:
        """Whether a block made now would have messages."""


class Faithful:
    """Every message is in the next block."""

    def __init__(self) -> None:
        self._queue: deque[NativeCell] = deque()

    def add(self, message: NativeCell) -> None:
        """Keep it."""
        self._queue.append(message)

    def next_block(self) -> list[NativeCell]:
        """All of them."""
        found = list(self._queue)
        self._queue.clear()
        return found

    def waiting(self) -> bool:
        """Whether there is one."""
        return bool(self._queue)


class Odds(Struct, frozen=True):
    """How probable each fate of a message is; a late one comes 1 to `blocks_late` blocks later."""

    lost: float = 0.6
    late: float = 0.15
    twice: float = 0.1
    blocks_late: int = 60


class Unreliable:
    """Loses, delays and repeats messages, as `luck` has it: the same seed gives the same fate to the same messages."""

    def __init__(self, luck: random.Random, odds: Odds | None = None) -> None:
        self._luck, self._odds = luck, odds or Odds()
        self._due: list[tuple[int, NativeCell]] = []  # blocks to go, message
        self.lost = self.delayed = self.repeated = 0

    def add(self, message: NativeCell) -> None:
        """Decide what becomes of it."""
        drawn, odds = self._luck.random(), self._odds
        if drawn < odds.lost:
            self.lost += 1
        elif drawn < odds.lost + odds.late:
            self.delayed += 1
            self._due.append((self._some_blocks(), message))
        else:
            self._due.append((0, message))
            if drawn < odds.lost + odds.late + odds.twice:
                self.repeated += 1
                self._due.append((self._some_blocks(), message))

    def next_block(self) -> list[NativeCell]:
        """Those whose time has come."""
        found = [message for blocks, message in self._due if blocks == 0]
        self._due = [(blocks - 1, message) for blocks, message in self._due if blocks > 0]
        return found

    def waiting(self) -> bool:
        """Whether one is due in the next block."""
        return any(blocks == 0 for blocks, _ in self._due)

    def _some_blocks(self) -> int:
        return self._luck.randint(1, self._odds.blocks_late)
