"""What runners tell: one long poll per server, turned into one RunnerView each.

page ──▶ attempts under way, finished attempts with their receipts, boot
no answer ──▶ unreachable since then; nothing else is concluded from it
another certificate ──▶ the runner has restarted and must be attested again
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from cocoon.api.money import Usage
from cocoon.api.runner import EventPage, Finished, Progressed, Started
from cocoon.api.times import Instant
from cocoon.fleet.act.means import Means
from cocoon.fleet.logs import fields
from cocoon.fleet.plan.records import Attempt, Attestation, Key, RunnerView, Uid
from cocoon.fleet.ports.failures import Failure, Gone
from cocoon.fleet.ports.servers import Place
from cocoon.fleet.vouching import vouch

LOG: Final = logging.getLogger(__name__)
#: Seconds between looks at the models while one is loading, and otherwise.
LOADING: Final = 0.2
LOADED: Final = 30.0
#: A page with less contact left than this (seconds) is of a runner that has lost contact; clocks may differ as much.
LAPSED: Final = 15.0
#: A runner that was silent for this long (seconds) may have lost contact: its patience is 60 s, a page can take 30.
SILENT: Final = 25.0
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0


class Listener:
    """Listens to every server that may be spoken to, while this replica leads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._tasks: dict[Uid, asyncio.Task[None]] = {}
        self._listening = False

    def sync(self, tasks: asyncio.TaskGroup, *, leading: bool) -> None:
        """Listen to new servers, and no more to those that are gone; to all of them anew after not leading."""
        if leading and not self._listening:
            self._means.mirror.snapshot.call_the_roll(self._means.clock.now())
        self._listening = leading
        known = self._means.mirror.snapshot.server_keys
        wanted = {uid for uid in known if self._means.servers.pinned(uid)} if leading else set()
        for uid in wanted - self._tasks.keys():
            self._tasks[uid] = tasks.create_task(self._listen(known[uid], uid))
        for uid in self._tasks.keys() - wanted:
            self._tasks.pop(uid).cancel()
        snapshot = self._means.mirror.snapshot
        for uid in (snapshot.attestations.keys() | snapshot.runners.keys()) - known.keys():
            snapshot.drop(Attestation, uid)
            snapshot.drop(RunnerView, uid)
            tasks.create_task(self._forget(uid))

    async def _forget(self, uid: Uid) -> None:
        """A server that comes back, for it only seemed to be gone, is attested again."""
        self._means.keys.forget(uid)
        self._means.nudges.forget(uid)
        await self._means.servers.forget(uid)

    async def _listen(self, key: Key, uid: Uid) -> None:
        try:
            place = self._means.place(key, uid)
        except Gone:
            return
        while True:
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._hear(place, uid))
                    both.create_task(self._look(place, uid))
            except* Exception:
                LOG.exception("Listening to a runner broke", extra=fields(server=key))
            await self._means.clock.sleep(LONGEST_PAUSE)

    async def _hear(self, place: Place, uid: Uid) -> None:
        """For ever. What it has is told at once, also if it has nothing new to tell."""
        pause, wait = FIRST_PAUSE, False
        while True:
            view = self._view(uid)
            before = view or self._new(uid)
            try:
                page = await self._means.servers.events(place, before.last_event, wait=wait)
            except Failure as failure:
                self._silent(uid, failure)
                await self._means.clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            await vouch(page, uid, self._means)
            self._heard(uid, page, before)
            pause, wait = FIRST_PAUSE, True

    async def _look(self, place: Place, uid: Uid) -> None:
        nudge = self._means.nudges.event(uid)
        while True:
            pause = FIRST_PAUSE
            try:
                listed = await self._means.servers.models(place)
            except Failure:
                pause = LONGEST_PAUSE
            else:
                view = self._view(uid)
                answered = replace(self._answered(view or self._new(uid)), models=listed.models)
                if view != answered:
                    self._know(answered)
                pause = LOADING if any(model.state == "Loading" for model in listed.models) else LOADED
            if await self._means.clock.wait(nudge, pause):
                nudge.clear()

    def _answered(self, view: RunnerView) -> RunnerView:
        """What an answer says of a silent runner, half a minute before its next page may: it is there.

        Whether it has lost contact meanwhile is not known yet; to tell it what stands does no harm.
        """
        if view.unreachable_since is None:
            return view
        now = self._means.clock.now()
        LOG.info("A runner answers again", extra=fields(server=self._name(view.server)))
        return replace(
            view,
            boot="" if view.boot == RESTARTED else view.boot,
            unreachable_since=None,
            last_contact=now,
            lapsed=view.lapsed or now - view.last_contact > SILENT,
        )

    def _heard(self, uid: Uid, page: EventPage, before: RunnerView) -> None:
        now = self._means.clock.now()
        old = self._view(uid) or self._new(uid)
        finished = _finished(old, [self._checked(uid, each) for each in page.events if isinstance(each, Finished)])
        attempts = _attempts(old, page, frozenset(before.attempts), finished)
        self._know(
            replace(
                old,
                boot=page.boot,
                last_contact=now,
                unreachable_since=None,
                attempts=attempts,
                over=_over(old, before, attempts, finished),
                finished=finished,
                last_event=max([old.last_event, *(event.number for event in page.events)]),
                idle_since=None if attempts else old.idle_since or now,
                lapsed=page.standing_until - now < LAPSED,
                heard=True,
            )
        )
        self._is_attested(uid, page.boot)

    def _checked(self, uid: Uid, event: Finished) -> Finished:
        """The event, without its receipt if no attested key of this server signed it."""
        if self._means.keys.signed(uid, event.receipt):
            return event
        LOG.warning("A receipt is not signed by its server", extra=fields(server=self._name(uid), job=event.uid))
        return replace(event, receipt="")

    def _is_attested(self, uid: Uid, boot: str) -> None:
        """What came over the attested certificate was said by the runner that was attested."""
        known: Attestation | None = self._means.mirror.snapshot.attestations.get(uid)
        if known is not None and known.boot != boot:
            self._means.mirror.know(replace(known, boot=boot))

    def _silent(self, uid: Uid, failure: Failure) -> None:
        view = self._view(uid) or self._new(uid)
        if isinstance(failure, Gone) and view.boot != RESTARTED:
            view = replace(view, boot=RESTARTED)
        if view.unreachable_since is None:
            LOG.info("A runner does not answer", extra=fields(server=self._name(uid), why=str(failure)))
            view = replace(view, unreachable_since=self._means.clock.now())
        self._know(view)

    def _view(self, uid: Uid) -> RunnerView | None:
        return self._means.mirror.snapshot.runners.get(uid)

    def _new(self, uid: Uid) -> RunnerView:
        return RunnerView(uid, boot="", last_contact=self._means.clock.now(), heard=False)

    def _know(self, view: RunnerView) -> None:
        if view.server in self._means.mirror.snapshot.server_keys:
            self._means.mirror.know(view)

    def _name(self, uid: Uid) -> str:
        return self._means.mirror.snapshot.server_keys.get(uid, Key(uid))


#: The boot of a runner that shows another certificate than the attested one: no real boot is called so.
RESTARTED: Final = "restarted"


def _finished(old: RunnerView, new: list[Finished]) -> tuple[Finished, ...]:
    by_number = {event.number: event for event in (*old.finished, *new) if event.number > old.acknowledged}
    return tuple(by_number[number] for number in sorted(by_number))


def _attempts(
    old: RunnerView, page: EventPage, before: frozenset[str], finished: tuple[Finished, ...]
) -> dict[str, Attempt]:
    """What runs: what the page says, and what was pushed while the page was on its way."""
    over = {f"{event.uid}/{event.attempt}" for event in finished}
    running = {*page.running, *(old.attempts.keys() - before)} - over
    attempts = {name: old.attempts.get(name) or _begun(name) for name in running}
    for event in page.events:
        name = f"{event.uid}/{event.attempt}"
        if name in attempts and isinstance(event, Started | Progressed):
            attempts[name] = _advanced(attempts[name], event)
    return attempts


def _over(
    old: RunnerView, before: RunnerView, attempts: Mapping[str, Attempt], finished: tuple[Finished, ...]
) -> dict[str, bool]:
    """What is said to be over without a receipt: none will come if a page that was asked for later brings none."""
    here = {f"{event.uid}/{event.attempt}" for event in finished} | attempts.keys()
    return {name: missing or name in before.over for name, missing in old.over.items() if name not in here}


def _begun(name: str, started: Instant | None = None) -> Attempt:
    uid, _, number = name.rpartition("/")
    return Attempt(Uid(uid), int(number) if number.isdigit() else 0, Usage(), started)


def _advanced(attempt: Attempt, event: Started | Progressed) -> Attempt:
    if isinstance(event, Started):
        return replace(attempt, started=event.at)
    return replace(attempt, usage=event.usage)
