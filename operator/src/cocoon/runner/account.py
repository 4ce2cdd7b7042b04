"""What an attempt may still spend: an item is admitted only if the budget covers it beside all that is under way."""

from __future__ import annotations

import asyncio

from cocoon.api.money import MILLION, Price, parse_nanoton


class Account:
    """Counts units as they are admitted, answered and given back. Without a budget everything is admitted."""

    def __init__(self, price: Price, budget: str) -> None:
        self._rates = price.rates()
        self._budget = parse_nanoton(budget) if budget else None
        self._units = [0, 0, 0]
        self._under_way = 0
        self._changed = asyncio.Event()

    async def admit(self, prompt_tokens: int) -> bool:
        """Set an item and its prompt aside; False if the budget does not cover it, whatever happens to the others."""
        while not self._covers(prompt_tokens):
            if not self._under_way:
                return False
            self._changed.clear()
            await self._changed.wait()
        self._units[0] += 1
        self._units[1] += prompt_tokens
        self._under_way += 1
        return True

    def _covers(self, prompt_tokens: int) -> bool:
        if self._budget is None:
            return True
        items, prompts, completions = self._units
        item, prompt, completion = self._rates
        total = (items + 1) * item + (prompts + prompt_tokens) * prompt + completions * completion
        return total // MILLION <= self._budget

    def answered(self, completion_tokens: int) -> None:
        """An admitted item was answered."""
        self._units[2] += completion_tokens
        self._end()

    def failed(self, prompt_tokens: int) -> None:
        """An admitted item failed: it costs nothing."""
        self._units[0] -= 1
        self._units[1] -= prompt_tokens
        self._end()

    def _end(self) -> None:
        self._under_way -= 1
        self._changed.set()
