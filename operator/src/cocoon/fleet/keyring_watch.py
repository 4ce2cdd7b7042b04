"""Who holds the keys of sealed jobs: each keyring is asked again every few seconds, with a fresh nonce.

What a silent one held is remembered, so that runners are still sent to it; sealed jobs are bound only while one
answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from cocoon.fleet.logs import fields
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.records import Keyring, Keyrings
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.failures import Failure
from cocoon.fleet.ports.keyring import KeyringPort

LOG: Final = logging.getLogger(__name__)


class KeyringWatch:
    """Keeps the Keyrings record fresh. `measurements` are what runners will expect of them."""

    def __init__(
        self, mirror: Mirror, clock: Clock, addresses: Sequence[str], measurements: Sequence[str], every: float
    ) -> None:
        self._mirror = mirror
        self._clock = clock
        self._every = every
        self._told: dict[str, str] = {}
        self._known = {address: Keyring(address) for address in addresses}
        self._measurements = tuple(measurements)

    async def run(self, port: KeyringPort) -> None:
        """Ask for ever, if there is anybody to ask."""
        while self._known:
            await self.look(port)
            await self._clock.sleep(self._every)

    async def look(self, port: KeyringPort) -> None:
        """Ask each once, all at the same time."""
        found = await asyncio.gather(*(self._ask(keyring, port) for keyring in self._known.values()))
        self._known = {keyring.address: keyring for keyring in found}
        self._mirror.know(Keyrings(tuple(found), self._measurements))

    async def _ask(self, known: Keyring, port: KeyringPort) -> Keyring:
        try:
            found = await port.ask(known.address)
        except Failure as failure:
            self._say(known.address, "A keyring is not attested", str(failure))
            return replace(known, answers=False)
        self._say(known.address, "A keyring is attested", f"It holds epoch {found.epoch}.")
        return found

    def _say(self, address: str, what: str, why: str) -> None:
        if self._told.get(address) != what + why:
            self._told[address] = what + why
            LOG.info(what, extra=fields(keyring=address, why=why))
