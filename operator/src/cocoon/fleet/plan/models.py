"""Which models to load: every trusted server's own, again after a growing while if that failed."""

from __future__ import annotations

from cocoon.api.times import Instant
from cocoon.fleet.plan.actions import LoadModel
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.records import RunnerView, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import is_retiring, trust_obstacle


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Have touched servers load what they lack."""
    for key in sorted(draft.touched.servers):
        server = snapshot.servers.get(key)
        view = snapshot.runners.get(server.uid) if server is not None else None
        if server is None or view is None or view.unreachable_since is not None:
            continue
        if key not in draft.retiring and not is_retiring(snapshot, server):
            _load_if_missing(snapshot, server, view, now, draft)


def _load_if_missing(snapshot: Snapshot, server: Server, view: RunnerView, now: Instant, draft: Draft) -> None:
    provider = snapshot.providers.get(server.provider)
    offer = provider.offers.get(server.model) if provider is not None else None
    if offer is None or offer.template != server.template or trust_obstacle(snapshot, server, now):
        return
    state = next((model for model in view.models if model.name == server.model), None)
    if state is not None and state.state != "Failed":
        return
    tries = snapshot.memory.loads.get(server.uid)
    if state is not None and tries is not None and tries.not_before > now:
        draft.wake(("server", server.key), tries.not_before)
    else:
        draft.add(LoadModel(server.key, server.uid, server.provider, server.model))
