"""The state of the world as it is known, with the indexes that keep decisions cheap.

Fed by the mirror between rounds (`put`, `drop`), read by decisions, never changed by them. What was decided and is
being carried out is `held`: a held bind takes its slots and a held server takes its GPUs until the outcome is known.

The contract with whoever carries out a plan, for each action:

    snapshot.hold(action, now)                    # right after plan() returned, before anything else is put
    ...carry it out, then `put` what is true now: the written object, the verdict, the runner's new view...
    snapshot.release(action, now, done=True)      # or done=False, not_before=when to try again
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from cocoon.api.times import Instant
from cocoon.fleet.plan import eligibility
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.eligibility import Candidate
from cocoon.fleet.plan.knowledge import Knowledge
from cocoon.fleet.plan.queues import JobClass
from cocoon.fleet.plan.records import (
    Job,
    Key,
    Node,
    Provider,
    Uid,
)
from cocoon.fleet.plan.standing import may_have_worked
from cocoon.fleet.plan.touched import Touched


class Snapshot(Knowledge):
    """What is known, what is being done about it, and what follows from both."""

    def begin_round(self, now: Instant) -> Touched:
        """Everything to look at in a round that begins now; what changes from here on is for the next one."""
        self.expectations.expire(self, now)
        for subject in self.alarms.ring(now):
            self.touch(subject)
        touched = self.touched
        if self.roll_call.end(now):
            touched.models.update(self.queues.models())
        if any(self._last_round < node.until <= now for node in self.memory.avoided.values()):
            self.capacity.version += 1
        self._last_round = now
        if self.capacity.version != self._seen_capacity:
            touched.providers.update(self.providers)
            self._seen_capacity = self.capacity.version
        waiting = self.queues.models()
        for key in touched.providers if waiting else ():
            if key in self.providers:
                touched.models.update(waiting & self.providers[key].offers.keys())
        self.touched = Touched()
        return touched

    def due(self) -> Instant | None:
        """When a round is needed even if nothing changes until then."""
        times = [at for at in (self.alarms.next(), self.head_alarms.next()) if at is not None]
        times += [self.roll_call.until] if self.roll_call.missing else []
        times += [node.until for node in self.memory.avoided.values() if node.until > self._last_round]
        return min(times, default=None)

    def call_the_roll(self, now: Instant) -> None:
        """Somebody else may have acted before: what runners work for and hold is what they tell from now on."""
        for uid, view in self.runners.items():
            self.runners[uid] = replace(view, heard=False)
        self.roll_call.begin((each.uid for each in self.servers.values() if may_have_worked(each)), now)

    # --- what is being carried out ---

    def hold(self, action: Action, now: Instant) -> None:
        """Count an action as done until its outcome is known."""
        self.expectations.hold(self, action, now)

    def release(self, action: Action, now: Instant, *, done: bool, not_before: Instant = 0.0) -> None:
        """The outcome is known and put. A failed one is planned anew, but not before the given time."""
        self.expectations.release(self, action, now, done=done, not_before=not_before)

    @property
    def waiting(self) -> int:
        """How many matters wait after a failure before they are planned again."""
        return self.expectations.waiting

    def holds_retirement(self, server: Key) -> bool:
        """Whether it is being written down that a server retires."""
        return server in self.expectations.retiring

    # --- what follows ---

    def candidates(self, job_class: JobClass) -> tuple[Candidate, ...]:
        """Offers that a class of jobs may use, cheapest first; the same tuple for all classes that may use the same."""
        if job_class.sealed and not self.keyrings.answer:
            return ()
        known = self._candidates[job_class.model]
        found = known.get(job_class)
        if found is None:
            offering = self.providers_of_model.get(job_class.model, set())
            found = eligibility.candidates(job_class, self.providers, offering, self.namespaces)
            found = known[job_class] = self._interned.setdefault(found, found)
        return found

    def offered_nodes(self, provider: Provider) -> tuple[Node, ...]:
        """Nodes that a provider selects."""
        found = self._offered.get(provider.key)
        if found is None:
            admits = provider.spec.nodes.selector.admits
            found = tuple(node for _, node in sorted(self.nodes.items()) if admits(node.labels))
            self._offered[provider.key] = found
        return found

    def jobs_among(self, keys: Iterable[Key], matters: Callable[[Job], bool]) -> list[Job]:
        """Those of these jobs that matter, in an order that is always the same."""
        jobs = self.jobs
        found = [key for key in keys if key in jobs and matters(jobs[key])]
        return [jobs[key] for key in sorted(found)]

    def owing_jobs(self) -> Iterator[Job]:
        """Jobs that run with a budget, and those whose cost is not booked yet."""
        return (self.jobs[self.job_keys[uid]] for uid in self.usage.owing() if uid in self.job_keys)

    def job_of(self, uid: str) -> Job | None:
        """The job with this uid."""
        key = self.job_keys.get(Uid(uid))
        return self.jobs[key] if key is not None else None
