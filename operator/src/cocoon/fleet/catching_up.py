"""What a replica reads before it acts: all jobs, once, after it began to lead.

Slots are counted by the binds that the mirror shows. Whoever led before may have written binds that the watch has not
brought yet, and so may this replica itself: when it loses the Lease, and be it for a moment, its calls are broken off
and nobody knows what became of them. A LIST that begins after that shows all of them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cocoon.api.resources import JOB
from cocoon.fleet.act.means import Means
from cocoon.fleet.logs import fields
from cocoon.fleet.ports.failures import Failure

LOG: Final = logging.getLogger(__name__)
#: Seconds until a LIST that failed is tried again.
PAUSE: Final = 1.0


class CatchingUp:
    """Whether all binds that may have been written are known. At first they are: nobody acts before the first LIST."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._needed = 0
        self._wanted = asyncio.Event()

    @property
    def done(self) -> bool:
        """Whether a LIST of all jobs is in that began after the last time something may have been missed."""
        return self._means.mirror.listed(JOB) >= self._needed

    def missed(self) -> None:
        """Something may have been missed: a LIST is needed that begins later."""
        self._needed = self._means.mirror.begun(JOB) + 1

    def begin(self) -> None:
        """Read, for this replica would act now; a round follows, which may find that it has to be done again."""
        self._wanted.set()

    async def run(self) -> None:
        """Read whenever that is wanted, for ever."""
        await self._means.mirror.complete.wait()
        while True:
            await self._wanted.wait()
            if not self.done:
                await self._read()
            self._wanted.clear()
            self._means.mirror.changed.set()

    async def _read(self) -> None:
        means = self._means
        try:
            await means.mirror.list_again(means.cluster, JOB, means.namespaces)
        except Failure as failure:
            LOG.info("The jobs can't be read before acting", extra=fields(why=str(failure)))
            await means.clock.sleep(PAUSE)
