"""Taking receipts, many at a time: all that wait are decided, archived and written in one transaction.

Under load one fsync serves hundreds of receipts; without, a receipt waits for nobody. Signatures are checked before,
while others are written. The order is always: archive on the disk, then the books, then the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct

from cocoon.api.payout import MOST_RECEIPTS, WorkAnswer
from cocoon.api.times import Instant
from cocoon.payout.archive import Archive, ReceiptTaken
from cocoon.payout.evidence.known import KnownServers
from cocoon.payout.metrics import Metrics
from cocoon.payout.refusal import Refusal
from cocoon.payout.terms import Terms
from cocoon.payout.work import books
from cocoon.payout.work.case import Case, Submission
from cocoon.payout.work.decide import Again, Decision, Taken, decide
from cocoon.payout.work.reading import issuer, read_all
from cocoon.payout.work.rules import objection


class Answered(Struct, frozen=True):
    """What became of a receipt; `new` says that it was not in the books before."""

    answer: WorkAnswer
    new: bool


Outcome = Answered | Refusal
Judged = Sequence[Case | Refusal]


class _Waiting(Struct):
    judged: Judged
    answer: asyncio.Future[list[Outcome]]


class Intake:
    """Takes receipts while `run` runs."""

    def __init__(
        self, servers: KnownServers, archive: Archive, terms: Terms, metrics: Metrics, now: Callable[[], Instant]
    ) -> None:
        self._store = servers.store
        self._servers = servers
        self._archive = archive
        self._terms = terms
        self._metrics = metrics
        self._now = now
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()

    async def take(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """What became of each, in their order. Raises DatabaseAway, NotTheWriter or ArchiveFull: ask again then."""
        servers = await self._servers.find(issuer(each.receipt) for each in submissions)
        read = await read_all(submissions, servers, self._now())
        waiting = _Waiting([self._judge(each) for each in read], asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.answer

    def _judge(self, case: Case | Refusal) -> Case | Refusal:
        return case if isinstance(case, Refusal) else objection(case, self._terms) or case

    async def run(self) -> None:
        """Serve, until cancelled."""
        while True:
            batch = await self._next()
            try:
                outcomes = await self._take([each for waiting in batch for each in waiting.judged])
            except Exception as error:  # noqa: BLE001 - whoever waits gets it, and the next batch is served
                _settle(batch, error)
            else:
                _settle(batch, outcomes)

    async def _next(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        count = len(batch[0].judged)
        while not self._queue.empty() and count < MOST_RECEIPTS:
            batch.append(self._queue.get_nowait())
            count += len(batch[-1].judged)
        return batch

    async def _take(self, judged: Judged) -> list[Outcome]:
        now = self._now()
        cases = [each for each in judged if isinstance(each, Case)]
        if not cases:
            return self._outcomes([each for each in judged if isinstance(each, Refusal)])
        async with self._store.writing() as connection:
            excerpt = await books.excerpt(connection, cases, now)
            decisions = [decide(each, excerpt, self._terms) if isinstance(each, Case) else each for each in judged]
            taken = [each for each in decisions if isinstance(each, Taken)]
            await self._archive.append([_record(each, now) for each in taken])
            await books.write(connection, taken, excerpt, now)
        return self._outcomes(decisions)

    def _outcomes(self, decisions: Sequence[Decision]) -> list[Outcome]:
        found: list[Outcome] = []
        for each in decisions:
            if isinstance(each, Refusal):
                found.append(each)
                kind = each.code
            else:
                found.append(Answered(each.answer, isinstance(each, Taken)))
                kind = "Again" if isinstance(each, Again) else each.answer.state
            self._metrics.receipts.labels(kind).inc()
            if isinstance(each, Taken) and each.answer.state == "Accepted":
                self._metrics.show_accepted(each.case.claims.model.name, int(each.answer.cost), int(each.answer.fee))
        return found


def _settle(batch: Sequence[_Waiting], found: Sequence[Outcome] | Exception) -> None:
    """Answer everybody who still waits."""
    start = 0
    for waiting in batch:
        end = start + len(waiting.judged)
        if not waiting.answer.done():
            if isinstance(found, Exception):
                waiting.answer.set_exception(found)
            else:
                waiting.answer.set_result(list(found[start:end]))
        start = end


def _record(taken: Taken, now: Instant) -> ReceiptTaken:
    submission, answer = taken.case.submission, taken.answer
    return ReceiptTaken(now, submission.cluster, submission.receipt, answer.state, answer.fee)
