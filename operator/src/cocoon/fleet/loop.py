"""The loop: wait for a change or the next due time, plan, carry out, and learn from how that went.

    changed | due ──▶ coalesce ──▶ plan(snapshot, now) ──▶ hold ──▶ act ──▶ put what is true now ──▶ release
                                                                     └── Gone: read again │ Busy, Refused: wait

Only the leader acts. A standby plans too, but attests only, so that it knows whom to trust the moment it takes over.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cocoon.api.times import Instant
from cocoon.fleet.act import table
from cocoon.fleet.act.announce import Announcer
from cocoon.fleet.act.complain import complaint
from cocoon.fleet.act.means import Means
from cocoon.fleet.catching_up import CatchingUp
from cocoon.fleet.leadership import Leadership
from cocoon.fleet.listener import Listener
from cocoon.fleet.logs import fields
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.patience import Patience
from cocoon.fleet.plan.actions import (
    AcknowledgeEvents,
    Action,
    ApplyChildren,
    AttestServer,
    CancelAttempt,
    ConfirmStanding,
    LoadModel,
    PushJob,
    WriteJobStatus,
    WriteProviderStatus,
)
from cocoon.fleet.plan.announcements import Announcements, announcements
from cocoon.fleet.plan.expectations import matter_of, subject_of
from cocoon.fleet.plan.plan import DECISIONS, STANDBY, plan
from cocoon.fleet.ports.failures import Busy, Failure, Gone, Refused

LOG: Final = logging.getLogger(__name__)
#: Seconds in which changes are gathered before a round.
COALESCE: Final = 0.01
#: A round takes place at least this often, in seconds.
LONGEST_WAIT: Final = 30.0
STANDBY_PAUSE: Final = 1.0
#: Seconds before a round that broke is tried again.
BROKEN_PAUSE: Final = 5.0
#: Actions that speak to runners only.
OF_RUNNERS: Final = (PushJob, CancelAttempt, AcknowledgeEvents, ConfirmStanding, LoadModel)
#: No action takes longer than this, in seconds.
DEADLINE: Final = 90.0


class _Rooms:
    """How many actions may be under way at once.

    Servers that are slow to answer never hold up the cluster's writes, and what is only shown never holds up work.
    Neither does upkeep: an operator that has just started applies the children of every provider there is.
    """

    def __init__(self, concurrency: int) -> None:
        self._cluster = asyncio.Semaphore(concurrency)
        self._shown = asyncio.Semaphore(max(1, concurrency // 8))
        self._upkeep = asyncio.Semaphore(max(1, concurrency // 8))
        self._runners = asyncio.Semaphore(concurrency)
        self._evidence = asyncio.Semaphore(concurrency)

    def of(self, action: Action) -> asyncio.Semaphore:
        """The room of an action."""
        if isinstance(action, AttestServer):
            return self._evidence
        if isinstance(action, WriteProviderStatus):
            return self._shown
        if isinstance(action, ApplyChildren):
            return self._upkeep
        return self._runners if isinstance(action, OF_RUNNERS) else self._cluster


class Loop:
    """One operator's loop. `beat` is when its last round ended, by the clock's `elapsed`."""

    def __init__(
        self, means: Means, listener: Listener, leadership: Leadership, metrics: Metrics, concurrency: int = 64
    ) -> None:
        self.beat = means.clock.elapsed()
        self._means = means
        self._listener = listener
        self._leadership = leadership
        self._metrics = metrics
        self._announcer = Announcer(leadership.identity, metrics)
        self._patience = Patience()
        self._rooms = _Rooms(concurrency)
        metrics.backing_off.set_function(lambda: means.mirror.snapshot.waiting)
        self._running: dict[asyncio.Task[None], Action] = {}
        self._led = False
        self._catching_up = CatchingUp(means)

    async def run(self) -> None:
        """Plan and act for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_leadership())
            tasks.create_task(self._catching_up.run())
            await self._means.mirror.complete.wait()
            tasks.create_task(self._announcer.run(self._means))
            due: Instant | None = None
            while True:
                await self._wait(due)
                due = await self._round_or_bug(tasks)

    def round(self, tasks: asyncio.TaskGroup) -> Instant | None:
        """One round; when the next one is due if nothing changes."""
        self._means.mirror.changed.clear()
        leading = self._take_or_leave()
        self._listener.sync(tasks, leading=self._leadership.leading)
        now = self._means.clock.now()
        with self._metrics.round_seconds.time():
            planned = plan(self._means.mirror.snapshot, now, DECISIONS if leading else STANDBY)
        wanted = [action for action in planned.actions if leading or isinstance(action, AttestServer)]
        self._metrics.round_actions.observe(len(wanted))
        for action in wanted:
            self._start(tasks, action, now)
        self.beat = self._means.clock.elapsed()
        return planned.due

    async def _round_or_bug(self, tasks: asyncio.TaskGroup) -> Instant | None:
        """One round. One that breaks is tried again after a while; the probe fails if that does not help."""
        try:
            return self.round(tasks)
        except Exception:
            LOG.exception("A round broke")
            self._metrics.broken_rounds.inc()
            await self._means.clock.sleep(BROKEN_PAUSE)
            return self._means.clock.now()

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    async def _wait(self, due: Instant | None) -> None:
        clock, mirror = self._means.clock, self._means.mirror
        longest = LONGEST_WAIT if due is None else min(due - clock.now(), LONGEST_WAIT)
        await clock.wait(mirror.changed, longest)
        await clock.sleep(COALESCE if self._leadership.leading else STANDBY_PAUSE)

    def _take_or_leave(self) -> bool:
        """Whether to act in this round. Who has just taken over reads, then looks at everything; who lost it stops."""
        leading = self._leadership.leading
        if not leading:
            self._catching_up.missed()
        elif not self._catching_up.done:
            self._catching_up.begin()
            leading = False
        if leading and not self._led:
            self._means.mirror.snapshot.touch_all()
        self._led = leading
        return leading

    async def _watch_leadership(self) -> None:
        while True:
            await self._leadership.changed.wait()
            self._leadership.changed.clear()
            self._catching_up.missed()
            self._means.mirror.changed.set()
            if not self._leadership.leading:
                self.stop_acting()

    def stop_acting(self) -> None:
        """Stop everything that is under way: somebody else may lead by now."""
        self._announcer.forget()
        for task, action in list(self._running.items()):
            if not isinstance(action, AttestServer):
                task.cancel()

    def _start(self, tasks: asyncio.TaskGroup, action: Action, now: Instant) -> None:
        told = announcements(action, self._means.mirror.snapshot)
        self._means.mirror.snapshot.hold(action, now)
        task = tasks.create_task(self._carry_out(action, told))
        self._running[task] = action
        self._metrics.running_actions.set(len(self._running))
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        action = self._running.pop(task)
        self._metrics.running_actions.set(len(self._running))
        if task.cancelled():  # wherever it was, even before its first step
            self._release(action, done=False)

    async def _carry_out(self, action: Action, told: Announcements) -> None:
        kind = type(action).__name__
        try:
            await self._until_known(action)
        except Failure as failure:
            await self._failed(action, failure)
        else:
            self._metrics.actions.labels(kind, "Done").inc()
            self._patience.forget(matter_of(action))
            self._metrics.outcomes.note(action, self._means.mirror.snapshot, self._means.clock.now())
            self._release(action, done=True)
            self._announcer.say(told, self._means.clock.now())

    async def _until_known(self, action: Action) -> None:
        """Carry it out. A bind keeps its slots until it is known whether it was written.

        After a lost answer the same is written again; the API server takes one of the two at most.
        """
        while True:
            try:
                async with self._rooms.of(action):
                    with self._metrics.action_seconds.labels(type(action).__name__).time():
                        return await self._do(action)
            except Busy as failure:
                if not self._must_be_known(action):
                    raise
                await self._means.clock.sleep(self._note(action, failure))

    async def _do(self, action: Action) -> None:
        if not (self._leadership.leading or isinstance(action, AttestServer)):
            raise Busy("This replica does not lead any more.")
        try:
            async with asyncio.timeout(DEADLINE):
                await table.DEEDS[type(action)](action, self._means)
        except TimeoutError as error:
            raise Busy(f"It took longer than {DEADLINE:.0f} s.") from error
        except Exception as error:
            if isinstance(error, Failure):
                raise
            LOG.exception("An action broke", extra=fields(action=type(action).__name__, on=subject_of(action)[1]))
            raise Refused(f"This is a bug of the operator: {type(error).__name__}: {error}") from error

    async def _failed(self, action: Action, failure: Failure) -> None:
        pause = self._note(action, failure)
        if isinstance(failure, Gone):
            pause = max(pause, await self._read_again(action))
        self._release(action, done=False, pause=pause)
        if isinstance(failure, Refused) and (said := complaint(action, failure, self._means)):
            self._announcer.say((said,), self._means.clock.now())

    def _note(self, action: Action, failure: Failure) -> float:
        """Count a failure, and log the first in a row; the seconds to wait."""
        kind, matter = type(action).__name__, matter_of(action)
        self._metrics.actions.labels(kind, type(failure).__name__).inc()
        pause = self._patience.wait(matter, failure)
        if self._patience.is_new(matter) and not isinstance(failure, Gone):
            known = {"action": kind, "on": subject_of(action)[1], "why": str(failure), "again_in": round(pause, 1)}
            level = logging.WARNING if isinstance(failure, Refused) else logging.INFO
            LOG.log(level, "An action failed", extra=fields(**known))
        return pause

    async def _read_again(self, action: Action) -> float:
        """The seconds to wait if it can't be read. What became of a bind is read until that is known."""
        matter = ("read", matter_of(action))
        while True:
            try:
                await table.read_again(action, self._means)
            except Failure as failure:
                pause = self._patience.wait(matter, failure)
                if not self._must_be_known(action):
                    return pause
                await self._means.clock.sleep(pause)
            else:
                self._patience.forget(matter)
                return 0.0

    def _must_be_known(self, action: Action) -> bool:
        """Whether slots depend on what became of it: a bind, as long as this replica leads."""
        return isinstance(action, WriteJobStatus) and action.purpose == "Bind" and self._leadership.leading

    def _release(self, action: Action, *, done: bool, pause: float = 0.0) -> None:
        now = self._means.clock.now()
        if not done and not self._leadership.leading:
            self._catching_up.missed()
        self._means.mirror.snapshot.release(action, now, done=done, not_before=now + pause if pause else 0.0)
        self._means.mirror.changed.set()
