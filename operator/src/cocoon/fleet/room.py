"""Who may call the API server next: it is the narrow place, so the line stands here, in order, and not inside of it.

First what makes room for others: servers, then the ends of jobs, whose slots the most important waiting job may need
all of. Then binds. Among ends and among binds the job with the highest priority goes first, then the oldest. What
matters less may wait for as long as there is something that matters more, which takes nothing from it that it would
have otherwise: it stands behind them in the queue for slots, too. And the line is short, for few binds are under way
at once and no more ends than there are slots, so all of it is over when each of those ahead has had one write.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

from cocoon.fleet.plan.actions import Action, DeleteJob, FinishJob, ReportReceipt, ReportSettled, WriteJobStatus
from cocoon.fleet.plan.queues import JobRank, rank_of
from cocoon.fleet.plan.snapshot import Snapshot

#: The kind of an action, and the job that it is about.
Rank = tuple[int, JobRank]
_NO_JOB: Final[JobRank] = (0, 0.0, "")


def rank(action: Action, snapshot: Snapshot) -> Rank:
    """The smaller, the sooner."""
    job = snapshot.jobs.get(action.job) if isinstance(action, FinishJob | WriteJobStatus) else None
    match action:
        case ReportSettled() | ReportReceipt() | DeleteJob():
            return (3, _NO_JOB)  # nobody waits for these
        case WriteJobStatus(purpose="Bind" | "Explain") if job is not None:
            return (2, rank_of(job))
        case FinishJob() | WriteJobStatus() if job is not None:
            return (1, rank_of(job))
        case _:
            return (0, _NO_JOB)


class Room:
    """Room for so many at once; the smallest rank is let in first, equal ones in the order in which they came."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._arrivals = count()
        self._line: list[tuple[Rank, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, rank: Rank) -> AsyncIterator[None]:
        """Wait until it is this one's turn, and be inside for a while."""
        await self._enter(rank)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, rank: Rank) -> None:
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (rank, next(self._arrivals), called))
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # it was called in the same moment, and does not come
                self._leave()
            raise

    def _leave(self) -> None:
        """Call the next one in, if anybody waits."""
        while self._line:
            called = heapq.heappop(self._line)[-1]
            if not called.done():  # else it has left the line
                called.set_result(None)
                return
        self._free += 1
