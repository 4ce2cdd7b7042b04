"""What the planner must remember itself, because nothing in the world shows it: when it last tried what.

All of it may be forgotten at any time: a restarted operator tries once more, explains once more and reports once
more, each of which does no harm.
"""

from __future__ import annotations

from msgspec import Struct, field

from cocoon.api.times import Instant
from cocoon.fleet.plan.records import Key, Uid


class Tries(Struct, frozen=True):
    """How often something was tried in a row, and when it may be tried again."""

    count: int
    not_before: Instant


class Avoided(Struct, frozen=True):
    """A node that is left alone until a time, and a sentence that says why."""

    count: int
    until: Instant
    reason: str


class Head(Struct, frozen=True):
    """The job at the head of its class, and since when it has been that."""

    uid: Uid
    since: Instant


class Memory(Struct):
    """Everything that is remembered, by whom it concerns."""

    loads: dict[Uid, Tries] = field(default_factory=dict)
    """Model loads asked of a server."""
    attested: dict[Uid, Instant] = field(default_factory=dict)
    """When each server was last asked for evidence."""
    avoided: dict[str, Avoided] = field(default_factory=dict)
    """Nodes on which servers could not be started or trusted."""
    cancelled: dict[tuple[Uid, str], Instant] = field(default_factory=dict)
    """Attempts (`uid/attempt`) that a server was told to stop, and when."""
    reported: dict[Uid, set[tuple[str, int]]] = field(default_factory=dict)
    """Receipts of a server, by runner boot and event number, that the payout service took without a job's status."""
    heads: dict[object, Head] = field(default_factory=dict)
    """By class of jobs."""
    explained: dict[Uid, Instant] = field(default_factory=dict)
    """When each job was last looked at to be told why it waits, the latest last; a job may become head again."""
    provider_written: dict[Key, Instant] = field(default_factory=dict)
    children: dict[Key, str] = field(default_factory=dict)
    """Digests of what each provider's policies and budgets were last applied from."""
    ordinals: dict[str, int] = field(default_factory=dict)
    """Highest ordinal used for a prefix of server names."""
    owed: dict[tuple[Key, str], int] = field(default_factory=dict)
    """Servers of a provider's model that a rollout took away and has not replaced yet."""
