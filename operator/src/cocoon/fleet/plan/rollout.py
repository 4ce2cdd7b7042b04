"""Servers too many, servers nobody uses, and servers whose declaration changed: the last ones one at a time.

An outdated server is let go only while all of its model's newer servers are attested and ready and none is on its way
out or owed. So at most one is down at a time, no spare GPU is needed, and a replacement that does not come up stops
the rest. Servers that are not up themselves go first: they have nothing to lose.
"""

from __future__ import annotations

from cocoon.api.times import Instant
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.census import BUSY, FREE
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.expectations import is_expected
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.records import Offer, Provider, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import is_retiring


def decide_provider(snapshot: Snapshot, provider: Provider, now: Instant, draft: Draft) -> None:
    """Let at most one outdated server go, and those above the maximum."""
    if provider.operation != "Serve" or provider.deleting:
        return
    for offer in provider.offers.values():
        keys = sorted(snapshot.servers_of_offer[provider.key, offer.model])
        servers = [snapshot.servers[key] for key in keys if key not in draft.retiring]
        staying = [server for server in servers if not is_retiring(snapshot, server)]
        _shrink(snapshot, offer, staying, draft)
        _let_idle_go(snapshot, offer, staying, now, draft)
        if len(staying) == len(keys):
            _replace_one(snapshot, provider, offer, staying, draft)


def is_up(snapshot: Snapshot, server: Server) -> bool:
    """Whether a server takes jobs, or would if it had a free slot."""
    return snapshot.census.standing(server.key) in (FREE, BUSY)


def _shrink(snapshot: Snapshot, offer: Offer, staying: list[Server], draft: Draft) -> None:
    """Let servers above the maximum go, idle ones first."""
    spare = len(staying) - offer.maximum
    if spare <= 0:
        return
    known = [server for server in staying if not is_expected(server)]
    cause = Cause(reasons.ABOVE_MAXIMUM, f"The provider's maximum for model {offer.model} is {offer.maximum}.")
    for server in sorted(known, key=lambda server: (len(snapshot.usage.jobs_of(server.uid)), server.key))[:spare]:
        draft.retire(server, cause)


def _let_idle_go(snapshot: Snapshot, offer: Offer, staying: list[Server], now: Instant, draft: Draft) -> None:
    """Let servers go that nobody has used for a while, above the minimum; the longest idle first."""
    minimum = offer.minimum if offer.isolation == "Shared" else 0
    idle = [(since, server.key, server) for server in staying if (since := idle_since(snapshot, server)) is not None]
    left = sum(server.key not in draft.retiring for server in staying)
    for since, key, server in sorted(idle):
        if key in draft.retiring or left <= minimum:
            continue
        if since + offer.idle_timeout > now:
            draft.wake(("server", key), since + offer.idle_timeout)
            continue
        draft.retire(server, Cause(reasons.IDLE, f"It had no job for {offer.idle_timeout} seconds."))
        left -= 1


def idle_since(snapshot: Snapshot, server: Server) -> Instant | None:
    """Since when a server is known to have nothing to do; None if it has, or if that is not known."""
    view = snapshot.runners.get(server.uid)
    if view is None or not view.answers or view.attempts or view.finished:
        return None
    taken = snapshot.usage.jobs_of(server.uid) or server.key in snapshot.touched.servers
    return None if taken else view.idle_since


def _replace_one(snapshot: Snapshot, provider: Provider, offer: Offer, staying: list[Server], draft: Draft) -> None:
    outdated = [server for server in staying if server.template != offer.template]
    current = [server for server in staying if server.template == offer.template]
    owed = snapshot.memory.owed.get((provider.key, offer.model), 0)
    if not outdated or owed or not all(is_up(snapshot, server) for server in current):
        return
    first = min(
        outdated, key=lambda server: (is_up(snapshot, server), len(snapshot.usage.jobs_of(server.uid)), server.key)
    )
    if first.key not in draft.retiring:
        cause = Cause(reasons.OUTDATED, "The provider's declaration changed; the server is replaced.")
        draft.retire(first, cause)
