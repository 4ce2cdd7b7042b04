"""A world in memory that carries out plans: an API server with resource versions, Pods, runners and verifiers.

It keeps the truth; the planner's snapshot learns of it as the operator's does. Every step can be made to fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.records import (
    Key,
    Record,
    RunnerView,
    Uid,
)
from cocoon.fleet.plan.roll_call import PATIENCE
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan.truth import ConflictError, Truth

Outcome = Callable[[Action], str]
Inspect = Callable[[tuple[Action, ...]], None]


class World(Truth):
    """The truth, people who change it, time that passes, and the operator."""

    # --- what people do ---

    def edit_job(self, key: Key, **changes: Any) -> None:
        """Somebody edits a job."""
        job = self.jobs[key]
        self._store_job(replace(job, generation=job.generation + 1, resource_version=self._next(), **changes))

    def edit_provider(self, key: Key, **changes: Any) -> None:
        """Somebody edits a provider."""
        provider = self.providers[key]
        edited = replace(provider, generation=provider.generation + 1, resource_version=self._next(), **changes)
        self.has(edited)

    def set_reachable(self, uid: Uid, *, reachable: bool) -> None:
        """A runner is cut off from the operator, or in reach again."""
        view = self.snapshot.runners.get(uid)
        if reachable and uid in self.unreachable:
            self._surprises(uid)
            self.unreachable.discard(uid)
            self._show(uid)
        elif not reachable and view is not None and uid not in self.unreachable:
            self.unreachable.add(uid)
            self.snapshot.put(replace(view, unreachable_since=self.now))

    def _surprises(self, uid: Uid) -> None:
        """What a runner has of deleted jobs that was silent for longer than anybody waits is nobody's fault."""
        view = self.views.get(uid)
        if view is None or uid in self.snapshot.runners or self.now < self.began + PATIENCE:
            return
        has = {each.uid for each in view.attempts.values()} | {Uid(event.uid) for event in view.finished}
        self.surprised |= {self.ever[each].namespace for each in has if self.ever[each].key not in self.jobs}

    # --- what happens by itself ---

    def pods_start(self) -> None:
        """Every created Pod runs and its runner answers."""
        for key, server in list(self.servers.items()):
            if not server.running and not server.ended and not server.deleting:
                self._store_server(replace(server, running=True, address=f"10.0.0.{len(self.views)}"))
                self.views[server.uid] = RunnerView(server.uid, "b1", self.now, idle_since=self.now)
                self._show(server.uid)
                assert key in self.servers

    def models_load(self) -> None:
        """Every load that was asked for succeeds."""
        for uid, known in list(self.views.items()):
            models = tuple(replace(model, state="Ready") for model in known.models)
            self._change_view(uid, models=models)

    def finish_all(self) -> None:
        """Every attempt succeeds."""
        for uid, known in list(self.views.items()):
            for attempt in list(known.attempts):
                self.finish(uid, attempt)

    # --- the operator ---

    def restart(self, silent: Iterable[Uid] = ()) -> None:
        """The operator starts anew: it knows what the cluster and the runners tell, and no verdicts.

        Runners that are `silent` are out of reach from then on, as those that were before.
        """
        self.unreachable |= {*silent} & self.views.keys()
        payout = self.snapshot.payout
        old = self.snapshot
        self.snapshot = Snapshot()
        self.late = []
        self.snapshot.put(payout)
        known: list[Iterable[Record]] = [
            old.nodes.values(),
            old.foreign.values(),
            old.namespaces.values(),
            () if self.accounts else old.credit.values(),
            self.providers.values(),
            self.servers.values(),
            self.jobs.values(),
        ]
        for records in known:
            for record in records:
                self.snapshot.put(record)
        self.snapshot.call_the_roll(self.now)
        self.began = self.now
        for uid in self.views:
            if uid not in self.unreachable:
                self._show(uid)
        for namespace in self.accounts:
            self.account_read(namespace)

    def round(self, outcome: Outcome | None = None, inspect: Inspect | None = None) -> tuple[Action, ...]:
        """Plan, and carry out every action. `outcome` says how each goes: done, fails, or is done unseen."""
        waiting: list[Action] = []
        planned = plan(self.snapshot, self.now)
        if inspect is not None:
            inspect(planned.actions)
        for action in planned.actions:
            self.snapshot.hold(action, self.now)
        for action in (*self.late, *planned.actions):
            how = outcome(action) if outcome is not None else "done"
            if how == "late":
                waiting.append(action)
            else:
                self._try(action, how)
        self.late = waiting
        self.log.extend(planned.actions)
        return planned.actions

    def settle(self, rounds: int = 30, *, busy: bool = True) -> None:
        """Rounds until nothing is left to do; Pods start and models load meanwhile."""
        quiet = False
        for _ in range(rounds):
            done = self.round()
            if quiet and not done:
                return
            quiet = not done
            if busy:
                self.pods_start()
                self.models_load()
        raise AssertionError(f"still busy after {rounds} rounds: {done}")

    def _try(self, action: Action, how: str) -> None:
        try:
            if how == "fails":
                raise ConflictError  # noqa: TRY301 - a failure like any other
            self.carry_out(action)
        except ConflictError:
            self.snapshot.release(action, self.now, done=False)
        else:
            self.snapshot.release(action, self.now, done=how == "done")
