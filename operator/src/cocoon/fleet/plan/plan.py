"""What the fleet should do next. The list of decisions is the policy: each sees what those before it decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cocoon.api.times import Instant
from cocoon.fleet.plan import (
    binding,
    conditions,
    explain,
    making_room,
    models,
    placement,
    recovery,
    reporting,
    retirement,
    stocktaking,
    trust,
    validity,
)
from cocoon.fleet.plan.draft import Draft, Plan
from cocoon.fleet.plan.snapshot import Snapshot

Decide = Callable[[Snapshot, Instant, Draft], None]

DECISIONS: Final[tuple[Decide, ...]] = (
    validity.decide,  # what can never work, is too late, or is not wanted any more
    trust.decide,  # whom to ask for evidence, and what the evidence came to
    recovery.decide,  # jobs under way: push, finish, stop, try again
    binding.decide,  # which waiting job gets which server
    placement.decide,  # which servers to create for those that got none
    models.decide,  # which models to load
    retirement.decide,  # which servers to let go
    making_room.decide,  # which idle ones have to go before their time
    reporting.decide,  # receipts that no job's status waits for
    conditions.decide,  # what people are told about providers, and jobs whose time is over
    explain.decide,  # what people are told about waiting jobs
)

#: Who does not lead decides about trust alone: binding takes jobs out of their queues, and has to be carried out.
STANDBY: Final[tuple[Decide, ...]] = (trust.decide,)


def plan(snapshot: Snapshot, now: Instant, decisions: tuple[Decide, ...] = DECISIONS) -> Plan:
    """Decide about everything that changed since the last round or is due.

    Reads the snapshot and takes note that the round took place; the same snapshot and time give the same plan. What
    binds or places must be held (see Snapshot), so a standby decides about less.
    """
    draft = Draft(snapshot, snapshot.begin_round(now), now)
    stocktaking.decide(snapshot, now, draft)
    for decide in decisions:
        decide(snapshot, now, draft)
    return Plan(tuple(draft.actions), snapshot.due())
