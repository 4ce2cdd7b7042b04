"""Conditions in the form of Kubernetes' metav1.Condition; their meaning follows kstatus where kstatus defines one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Truth = Literal["True", "False", "Unknown"]


class Condition(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One condition. `last_transition_time` is RFC 3339 in UTC and changes only when `status` does."""

    type: str
    status: Truth
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int | None = None


def find(conditions: Sequence[Condition], kind: str) -> Condition | None:
    """The condition of that type, if there is one."""
    return next((condition for condition in conditions if condition.type == kind), None)


def replace(conditions: Sequence[Condition], new: Condition) -> tuple[Condition, ...]:
    """The conditions with `new` in its type's place; an unchanged status keeps its transition time."""
    old = find(conditions, new.type)
    if old is None:
        return (*conditions, new)
    since = old.last_transition_time if old.status == new.status else new.last_transition_time
    kept = Condition(new.type, new.status, new.reason, new.message, since, new.observed_generation)
    return tuple(kept if condition.type == new.type else condition for condition in conditions)
