"""Work that earns owners something: receipts of real servers, handed in until each was taken, as the operator does."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import aiohttp
from msgspec import structs

from cocoon.api.money import NanoTon, Usage
from cocoon.payout.ledger.fees import fee
from tests.chaos.payout.chain_world import TON
from tests.chaos.payout.owners import owner
from tests.payout.kit import Server
from tests.payout.service_process import ServiceProcess, WallClock

#: Basis points, the service's default.
FEE = 500
_BACK_OFF = 0.1


class OwedWork:
    """Servers of some owners, and what each owner has to get on the chain."""

    def __init__(self, service: ServiceProcess, luck: random.Random, owners: int = 4) -> None:
        self.service, self._luck = service, luck
        payees = [structs.replace(owner(number), bounceable=False).friendly() for number in range(owners)]
        self._servers = [Server(WallClock(), payee) for payee in payees]
        self._credited = False
        self.owed = dict.fromkeys(range(owners), 0)

    @property
    def earned(self) -> int:
        """By all owners, in nanoTON, net of the fee."""
        return sum(self.owed.values())

    async def hand_in(self, count: int) -> None:
        """So many receipts, each until it was taken. A receipt that is handed in counts, whatever was answered."""
        for _ in range(count):
            number = self._luck.randrange(len(self._servers))
            claims = self._servers[number].claims(usage=Usage(items=self._luck.randrange(25_000, 250_000)))
            self.owed[number] += int(claims.cost) - fee(NanoTon(int(claims.cost)), FEE)
            await self._until_taken(self._servers[number], self._servers[number].sign(claims))

    async def _until_taken(self, server: Server, receipt: str) -> None:
        taken = False
        while not taken:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):  # the service is away, or was killed meanwhile
                taken = await self._try(server, receipt)
            if not taken:
                await asyncio.sleep(_BACK_OFF)

    async def _try(self, server: Server, receipt: str) -> bool:
        async with self.service.administrator() as desk:
            if not self._credited:
                self._credited = (await desk.credit(1_000 * TON)).status in (200, 201)
            answer = await desk.hand_in(receipt)
            if answer.status == 422:  # its evidence was never taken, or by a clock that was wrong
                await desk.register(server)
            return answer.status in (200, 201)
