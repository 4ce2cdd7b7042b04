"""The pause switch: what stops sending, who said so and why. It survives restarts. Receipts are taken all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from cocoon.api.payout import Pause, PauseState
from cocoon.api.times import Instant
from cocoon.payout.store.standing import PAUSES
from cocoon.payout.store.writer import Store


def first_stands(found: Iterable[PauseState], given: Pause) -> str:
    """That another reason was not taken, because a pause was in force; empty if nothing was left out."""
    for pause in found:
        if pause.subject == given.subject and pause.reason != given.reason:
            return f"{pause.by} paused it before, and that pause stands with its reason. To change it, resume first."
    return ""


class PauseSwitch:
    """Sets, lifts and lists pauses."""

    def __init__(self, store: Store, now: Callable[[], Instant]) -> None:
        self._store = store
        self._now = now

    async def pause(self, by: str, given: Pause) -> tuple[PauseState, ...]:
        """Stop sending; a pause in force keeps its first reason. All pauses then."""
        insert = postgresql.insert if self._store.dialect == "postgresql" else sqlite.insert
        row = {"subject": given.subject, "by": by, "reason": given.reason, "since": self._now()}
        async with self._store.writing() as connection:
            await connection.execute(insert(PAUSES).values(**row).on_conflict_do_nothing(index_elements=["subject"]))
        return await self.all()

    async def resume(self, given: Pause) -> tuple[PauseState, ...]:
        """Let sending go on. All pauses that are left."""
        async with self._store.writing() as connection:
            await connection.execute(PAUSES.delete().where(PAUSES.c.subject == given.subject))
        return await self.all()

    async def all(self) -> tuple[PauseState, ...]:
        """All pauses in force."""
        async with self._store.reading() as connection:
            rows = (await connection.execute(select(PAUSES).order_by(PAUSES.c.subject))).all()
        return tuple(PauseState(row.subject, row.by, row.reason, row.since) for row in rows)
