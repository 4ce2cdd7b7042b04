"""Which servers to let go, and how: no new jobs first, then their jobs' end, then the Pod's.

Retiring is a condition of the Pod that is never taken back. A server that may hold a receipt which nothing else has
is not deleted, whatever happens; a runner out of reach may hold one.
"""

from __future__ import annotations

from cocoon.api.times import Instant, parse_time
from cocoon.fleet.plan import reasons, rollout
from cocoon.fleet.plan.actions import CancelAttempt, DeleteServer
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.expectations import is_expected
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.records import Provider, Server
from cocoon.fleet.plan.reporting import is_durable
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import is_retiring, was_never_trusted
from cocoon.fleet.plan.trust import untrusted_message
from cocoon.fleet.plan.validity import cancel

#: Untrusted verdicts in a row after which a server is given up and its node left alone for a while.
GIVE_UP_AFTER = 3
#: kube-scheduler may need a moment to see GPUs that were just given back.
UNSCHEDULABLE_FOR = 30.0


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Move every touched server that is on its way out one step further, and find those that should be."""
    for key in sorted(draft.touched.servers):
        server = snapshot.servers.get(key)
        if server is None or is_expected(server):
            continue
        if is_retiring(snapshot, server):
            _see_off(snapshot, server, now, draft)
        else:
            cause = _unwanted(snapshot, server, now, draft)
            if cause is not None:
                draft.retire(server, cause)
    for key in sorted(draft.touched.providers):
        provider = snapshot.providers.get(key)
        if provider is not None:
            rollout.decide_provider(snapshot, provider, now, draft)


def _see_off(snapshot: Snapshot, server: Server, now: Instant, draft: Draft) -> None:
    """Cancel what outlasts the drain timeout, delete what has nothing left to do or say."""
    if server.deleting:
        return  # the kubelet and the runner are at it
    if is_done(snapshot, server):
        cause = _cause(server)
        draft.add(DeleteServer(server.key, server.uid, cause.reason, cause.message))
        return
    provider = snapshot.providers.get(server.provider)
    if server.retiring is None or provider is None:
        return
    until = parse_time(server.retiring.last_transition_time) + provider.drain_timeout
    if until > now:
        draft.wake(("server", server.key), until)
        return
    view = snapshot.runners.get(server.uid)
    if view is None and was_never_trusted(server) and not snapshot.usage.jobs_of(server.uid):
        # Nobody gives work to a runner that was never trusted: it has none to hand over.
        draft.add(DeleteServer(server.key, server.uid, server.retiring.reason, server.retiring.message))
        return
    for _, held in sorted(view.attempts.items()) if view is not None else ():
        reason = server.retiring.reason
        cancel(
            snapshot,
            CancelAttempt(server.key, server.uid, held.uid, held.number, final=False, reason=reason),
            now,
            draft,
        )


def is_done(snapshot: Snapshot, server: Server) -> bool:
    """Whether it is known that a server has no jobs and no receipts any more."""
    if snapshot.usage.jobs_of(server.uid):
        return False
    view = snapshot.runners.get(server.uid)
    known = view.finished if view is not None else ()
    if server.ended:
        return view is None or all(is_durable(snapshot, server, view, event) for event in known)
    if known:
        return False
    if not server.running:
        return True
    return view is not None and view.answers and not view.attempts


def _unwanted(snapshot: Snapshot, server: Server, now: Instant, draft: Draft) -> Cause | None:
    provider = snapshot.providers.get(server.provider)
    if provider is None:
        return None  # it may only be unknown; owner references take care of what has no owner
    return _declared(provider, server) or _troubled(snapshot, server, now, draft)


def _declared(provider: Provider, server: Server) -> Cause | None:
    if provider.deleting:
        return Cause(reasons.PROVIDER_DELETED, "The provider is being deleted.")
    if provider.operation == "Drain":
        return Cause(reasons.DRAINING, "The provider's operation is Drain. Set it to Serve to have servers again.")
    if server.model not in provider.offers and not any(flaw.part.startswith("models") for flaw in provider.flaws):
        return Cause(reasons.NOT_OFFERED, f"The provider does not offer model {server.model} any more.")
    return None


def _troubled(snapshot: Snapshot, server: Server, now: Instant, draft: Draft) -> Cause | None:
    known = snapshot.attestations.get(server.uid)
    verdict = known.verdict if known is not None else None
    if known is not None and verdict is not None and not verdict.trusted and known.failures >= GIVE_UP_AFTER:
        return Cause(reasons.NOT_TRUSTED, untrusted_message(verdict))
    if not server.unschedulable or server.running:
        return None
    if server.created + UNSCHEDULABLE_FOR > now:
        draft.wake(("server", server.key), server.created + UNSCHEDULABLE_FOR)
        return None
    return Cause(reasons.UNSCHEDULABLE, f"kube-scheduler finds no room on node {server.node}: {server.unschedulable}")


def _cause(server: Server) -> Cause:
    if server.retiring is not None:
        return Cause(server.retiring.reason, server.retiring.message)
    return Cause(reasons.ENDED, f"The Pod has ended: {server.ended}")
