"""Which jobs each server has, and what each namespace may still owe for jobs under way.

A deleted job may still cost something: its runner has its receipt, or is about to sign one, until the payout service
took it. So its budget stays set aside for as long as a runner tells of it. An operator that was started anew learns of
such jobs from the receipts that runners keep, and sets their costs aside. While a runner works for a job that is gone
and that nobody here has ever seen, it is not known whose money that takes: nothing is bound on anybody's account until
it is cancelled and its receipt says so, which takes a moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from cocoon.api.conditions import find
from cocoon.api.money import NanoTon
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Job, Key, Uid


class Usage:
    """Bound jobs by server and budgets by namespace, kept up to date job by job."""

    def __init__(self) -> None:
        self._bound: dict[Uid, set[Key]] = defaultdict(set)
        self._server_of: dict[Key, Uid] = {}
        self._budgets: dict[str, dict[Uid, NanoTon]] = defaultdict(dict)
        self._outstanding: dict[str, int] = defaultdict(int)
        self._settled: dict[str, dict[Uid, int]] = defaultdict(dict)
        self._namespace_of: dict[Uid, str] = {}
        self._strange: dict[Uid, frozenset[Uid]] = {}

    def put(self, job: Job) -> None:
        """Count a job as its status says."""
        server = bound_to(job)
        known = self._server_of.get(job.key)
        if known != server:
            self._unbind(job.key)
            if server is not None:
                self._server_of[job.key] = server
                self._bound[server].add(job.key)
        if job.budget is not None:
            self._put_budget(job)

    def drop(self, job: Job) -> None:
        """Forget a deleted job; what its attempt may still cost stays until the account was read twice more."""
        self._unbind(job.key)
        if job.uid in self._budgets[job.namespace]:
            self._settled[job.namespace][job.uid] = 2

    def account_read(self, namespace: str, told_of: AbstractSet[str]) -> None:
        """The namespace's account was read again, and so shows what was settled before the reading began.

        What runners still tell of is not settled.
        """
        waiting = self._settled[namespace]
        for uid, readings in list(waiting.items()):
            if uid in told_of:
                waiting[uid] = 2
            elif readings > 1:
                waiting[uid] = readings - 1
            else:
                del waiting[uid]
                self._outstanding[namespace] -= self._budgets[namespace].pop(uid, NanoTon(0))
                self._namespace_of.pop(uid, None)

    def owe(self, namespace: str, job: Uid, cost: NanoTon) -> None:
        """A runner has an unreported receipt of a job that is gone; it counts unless the job's budget still does."""
        if job not in self._namespace_of:
            self._set_aside(namespace, job, cost)
            self._settled[namespace][job] = 2

    def works_for(self, server: Uid, gone: AbstractSet[Uid]) -> None:
        """A server works for these jobs, which are gone."""
        self._strange[server] = frozenset(gone - self._namespace_of.keys())
        if not self._strange[server]:
            del self._strange[server]

    @property
    def in_doubt(self) -> bool:
        """Whether work is under way of which it is not known whose account it takes from."""
        return bool(self._strange)

    def awaits_reading(self, namespace: str) -> bool:
        """Whether budgets are set aside only until the namespace's account was read again."""
        return bool(self._settled.get(namespace))

    def jobs_of(self, server: Uid) -> AbstractSet[Key]:
        """Unfinished jobs bound to a server."""
        return self._bound.get(server, frozenset())

    def server_of(self, key: Key) -> Uid | None:
        """The server of an unfinished job."""
        return self._server_of.get(key)

    def outstanding(self, namespace: str) -> int:
        """Budgets of the namespace's jobs that are under way or not yet booked, in nanoTON."""
        return self._outstanding[namespace]

    def owing(self) -> Iterator[Uid]:
        """Jobs that may still cost something: they run, or their cost is not booked yet."""
        return (uid for budgets in self._budgets.values() for uid in budgets)

    def _unbind(self, key: Key) -> None:
        server = self._server_of.pop(key, None)
        if server is None:
            return
        self._bound[server].discard(key)
        if not self._bound[server]:
            del self._bound[server]

    def _set_aside(self, namespace: str, job: Uid, amount: NanoTon) -> None:
        budgets = self._budgets[namespace]
        self._outstanding[namespace] += amount - budgets.get(job, 0)
        budgets[job] = amount
        self._namespace_of[job] = namespace

    def _put_budget(self, job: Job) -> None:
        budgets = self._budgets[job.namespace]
        amount = _owed(job)
        if amount is not None:
            self._set_aside(job.namespace, job.uid, amount)
            self._settled[job.namespace].pop(job.uid, None)
        elif job.uid in budgets:
            self._settled[job.namespace].setdefault(job.uid, 2)


def bound_to(job: Job) -> Uid | None:
    """The server that an unfinished job is bound to."""
    binding = job.status.binding
    return Uid(binding.server_uid) if binding is not None and not job.finished else None


def _owed(job: Job) -> NanoTon | None:
    """What the job may still cost: its budget while it runs, its cost until that is booked, else nothing."""
    if bound_to(job) is not None:
        return job.budget
    if not job.finished or job.status.cost is None:
        return None
    reported = find(job.status.conditions, reasons.REPORTED)
    return None if reported is not None and reported.status == "True" else NanoTon(int(job.status.cost))
