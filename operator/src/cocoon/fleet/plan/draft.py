"""A plan in the making: decisions add to it, and later ones see what earlier ones decided."""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct

from cocoon.api.conditions import Condition, Truth
from cocoon.api.groups import RETIRING_CONDITION
from cocoon.api.job import JobStatus
from cocoon.api.times import Instant, format_time
from cocoon.fleet.plan.actions import Action, SetServerCondition, WriteJobStatus
from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.expectations import matter_of
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.records import Job, Key, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.touched import Subject, Touched


class Plan(Struct, frozen=True):
    """What to do now, in this order, and when to plan again if nothing happens until then."""

    actions: tuple[Action, ...]
    due: Instant | None


class Draft:
    """The actions of one round, and what they take."""

    def __init__(self, snapshot: Snapshot, touched: Touched, now: Instant) -> None:
        self.touched = touched
        self.actions: list[Action] = []
        self.spent: dict[str, int] = defaultdict(int)
        """Budgets of the jobs bound in this round, by namespace."""
        self.retiring: set[Key] = set()
        """Servers whose retirement was decided in this round."""
        self.without_room: list[OfferKey] = []
        """Offers of which waiting jobs want one more server, best heads first, and for which no node has room."""
        self._snapshot = snapshot
        self.now = now
        self._wanting: set[OfferKey] = set()
        self._matters: set[tuple[str, ...]] = set()

    def add(self, action: Action) -> bool:
        """Plan an action, unless something is being done about its matter already."""
        matter = matter_of(action)
        if matter in self._matters or self._snapshot.expectations.is_held(matter):
            return False
        self._matters.add(matter)
        self.actions.append(action)
        return True

    def is_decided(self, job: Key) -> bool:
        """Whether this job's fate was decided in this round, or is being carried out."""
        matter = ("job", job)
        return matter in self._matters or self._snapshot.expectations.is_held(matter)

    def write(self, job: Job, status: JobStatus, purpose: str) -> bool:
        """Plan a status of a job, unless it says nothing new."""
        if status == job.status:
            return False
        action = WriteJobStatus(job.key, job.uid, job.resource_version, status, purpose)  # type: ignore[arg-type]  # a literal
        return self.add(action)

    def retire(self, server: Server, cause: Cause) -> None:
        """Plan that a server gets no more jobs, for good."""
        self.retiring.add(server.key)
        self._snapshot.shelves.remove(server.key)
        self.condition(server, RETIRING_CONDITION, "True", cause)

    def want_room(self, offer: OfferKey) -> None:
        """Note that no node has room for one more server of an offer."""
        if offer not in self._wanting:
            self._wanting.add(offer)
            self.without_room.append(offer)

    def condition(self, server: Server, kind: str, truth: Truth, cause: Cause) -> None:
        """Plan a condition of a server Pod."""
        stamp = format_time(self.now)
        condition = Condition(kind, truth, cause.reason, cause.message, stamp)
        self.add(SetServerCondition(server.key, server.uid, condition))

    def wake(self, subject: Subject, at: Instant) -> None:
        """Have a subject looked at again no later than at this time."""
        self._snapshot.alarms.set(subject, at)
