"""Whether a server may take jobs now, and in few words why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cocoon.api.times import Instant
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Attestation, Provider, RunnerView, Server

if TYPE_CHECKING:
    from cocoon.fleet.plan.snapshot import Snapshot

#: A node that is not Ready for this long, with a runner that does not answer either, has lost its servers.
NODE_LOST_AFTER: Final = 300.0

#: Words that are counted in explanations.
STARTING: Final = "starting"
RETIRING: Final = "being retired"
UNREACHABLE: Final = "unreachable"
OUTDATED: Final = "with an older version of the model"
LOADING: Final = "loading the model"
UNHEARD: Final = "not heard from yet"
ON_HOLD: Final = "on hold"


def obstacle(snapshot: Snapshot, server: Server, now: Instant) -> str:
    """What keeps a server from taking any job now; empty if nothing does."""
    provider = snapshot.providers.get(server.provider)
    if provider is None or is_retiring(snapshot, server):
        return RETIRING
    return (
        _provider_obstacle(provider, server)
        or _pod_obstacle(snapshot, server)
        or trust_obstacle(snapshot, server, now)
        or _model_obstacle(snapshot.runners[server.uid], provider, server)
    )


def is_retiring(snapshot: Snapshot, server: Server) -> bool:
    """Whether a server gets no more jobs for good, or this is being written down."""
    latched = server.retiring is not None and server.retiring.status == "True"
    return latched or server.deleting or bool(server.ended) or snapshot.holds_retirement(server.key)


def is_lost(snapshot: Snapshot, server: Server, now: Instant) -> bool:
    """Whether it is known, not merely suspected, that the server will never answer again."""
    if server.ended:
        return True
    node, view = snapshot.nodes.get(server.node), snapshot.runners.get(server.uid)
    silent = view is not None and view.unreachable_since is not None
    since = node.not_ready_since if node is not None else None
    return silent and since is not None and now > since + NODE_LOST_AFTER


def was_never_trusted(server: Server) -> bool:
    """Whether no verdict ever trusted it, by what its Pod shows: that outlives the operator's memory."""
    return server.attested is None or server.attested.reason == reasons.NEVER_TRUSTED


def may_have_worked(server: Server) -> bool:
    """Whether its runner may have work, or receipts, by what its Pod shows."""
    return server.running and not server.ended and not was_never_trusted(server)


def trust_obstacle(snapshot: Snapshot, server: Server, now: Instant) -> str:
    """Why there is no fresh verdict that trusts the server enough; empty if there is one."""
    known = snapshot.attestations.get(server.uid)
    if known is None or (known.verdict is None and not known.failure):
        return "not attested yet"
    if known.verdict is None:
        return f"not attested ({known.failure})"
    if not known.verdict.trusted:
        codes = ", ".join(sorted({reason.code for reason in known.verdict.reasons}))
        return f"not attested ({codes or 'untrusted'})"
    return _staleness(snapshot, server, known, now)


def _staleness(snapshot: Snapshot, server: Server, known: Attestation, now: Instant) -> str:
    provider, view, verdict = snapshot.providers.get(server.provider), snapshot.runners.get(server.uid), known.verdict
    if verdict is None or verdict.not_after <= now:
        return "not attested (verdict expired)"
    if restarted(known, view):
        return "not attested since its runner restarted"
    if provider is not None and not verdict.trust.satisfies(provider.trust):
        return f"not attested (trust {verdict.trust} only)"
    return ""


def restarted(known: Attestation, view: RunnerView | None) -> bool:
    """Whether the runner that was attested is not the one that answers now."""
    return view is not None and bool(known.boot) and bool(view.boot) and known.boot != view.boot


def _provider_obstacle(provider: Provider, server: Server) -> str:
    if provider.deleting or provider.operation == "Drain" or server.model not in provider.offers:
        return RETIRING
    if provider.operation == "Hold":
        return ON_HOLD
    return "of a provider with mistakes" if disabling_flaws(provider) else ""


def disabling_flaws(provider: Provider) -> bool:
    """Whether a mistake concerns the whole provider, not just one of its models."""
    return any(not flaw.part.startswith("models") for flaw in provider.flaws)


def _pod_obstacle(snapshot: Snapshot, server: Server) -> str:
    view = snapshot.runners.get(server.uid)
    if not server.running or not server.address:
        return f"{STARTING} ({server.waiting})" if server.waiting else STARTING
    if view is None:
        return STARTING if was_never_trusted(server) else UNHEARD
    if view.unreachable_since is not None:
        return UNREACHABLE
    return "" if view.heard else UNHEARD


def _model_obstacle(view: RunnerView, provider: Provider, server: Server) -> str:
    """Only the version of the model that is on offer now is worked with: its digest goes into each receipt."""
    state = next((model for model in view.models if model.name == server.model), None)
    if state is None or state.state == "Loading":
        return LOADING
    if state.state == "Failed":
        return f"not able to load the model ({state.code})"
    return "" if state.sha256 == provider.offers[server.model].sha256 else OUTDATED
