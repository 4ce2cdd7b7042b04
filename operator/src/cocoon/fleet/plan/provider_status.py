"""A provider's status as it should read now: counts, and one condition for each thing that can be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from cocoon.api.conditions import Condition, Truth
from cocoon.api.conditions import replace as with_condition
from cocoon.api.counted import counted
from cocoon.api.provider import Capacity, KeyringStatus, ModelStatus, ProviderStatus, ServerCounts
from cocoon.api.times import Instant, format_time
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.census import BUSY, FREE
from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.nodes import node_obstacle, technology_of
from cocoon.fleet.plan.payouts import payouts
from cocoon.fleet.plan.provider_news import price_in_words
from cocoon.fleet.plan.records import Offer, Provider, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import UNREACHABLE, obstacle, trust_obstacle
from cocoon.fleet.plan.trust import untrusted_message

#: Conditions that can be False of a provider that is Ready.
_HARMLESS: Final = frozenset((reasons.PAYOUTS_CURRENT, reasons.ATTESTED, reasons.UP_TO_DATE))
Verdict = tuple[str, Truth, Cause]


class Queued:
    """Waiting jobs by offer that may take them, counted once a round and model."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._counts: dict[str, Counter[OfferKey]] = {}

    def of(self, key: OfferKey) -> int:
        """Jobs that wait and could run under this offer."""
        counts = self._counts.get(key[1])
        if counts is None:
            counts = self._counts[key[1]] = Counter()
            for queue in self._snapshot.queues.of_model(key[1]):
                for candidate in self._snapshot.candidates(queue.job_class):
                    counts[candidate.key] += len(queue)
        return counts[key]


def observed(snapshot: Snapshot, queued: Queued, provider: Provider, now: Instant) -> ProviderStatus:
    """The status of a provider; what others write in it stays."""
    servers = [snapshot.servers[key] for key in sorted(snapshot.servers_of_provider[provider.key])]
    counts, capacity = _count(snapshot, servers, now), _capacity(snapshot, provider, now)
    checks = (
        _wallet(provider),
        _models(snapshot, provider, servers),
        _capacity_available(snapshot, provider, capacity, now),
        _attested(snapshot, servers, now),
        _up_to_date(snapshot, provider, servers, now),
        payouts(snapshot, provider),
    )
    conditions = provider.status.conditions
    for kind, truth, cause in (_ready(provider, checks, counts), *checks):
        stamp = format_time(now)
        new = Condition(kind, truth, cause.reason, cause.message, stamp, provider.generation)
        conditions = with_condition(conditions, new)
    return replace(
        provider.status,
        observed_generation=provider.generation,
        conditions=conditions,
        capacity=capacity,
        servers=counts,
        trust=provider.trust,
        price=_price_range(provider.offers.values()),
        earnings=snapshot.earned.get(provider.uid, provider.status.earnings),
        keyring=_keyring(snapshot),
        models=tuple(_model(snapshot, queued, provider, offer) for _, offer in sorted(provider.offers.items())),
    )


def _keyring(snapshot: Snapshot) -> KeyringStatus | None:
    """Whom to seal jobs to."""
    current = snapshot.keyrings.current
    if current is None:
        return None
    return KeyringStatus(current.recipient, current.epoch, f"sha256:{current.evidence} {current.address}")


def _count(snapshot: Snapshot, servers: list[Server], now: Instant) -> ServerCounts:
    ready = sum(snapshot.census.standing(server.key) in (FREE, BUSY) for server in servers)
    attested = sum(not trust_obstacle(snapshot, server, now) for server in servers)
    return ServerCounts(len(servers), ready, attested)


def _capacity(snapshot: Snapshot, provider: Provider, now: Instant) -> Capacity:
    nodes = gpus = free = 0
    for node in snapshot.offered_nodes(provider):
        technology = technology_of(provider, node)
        if technology is None:
            continue
        left = snapshot.capacity.free(node, technology.gpu_resource)
        if isinstance(left, int):
            nodes, gpus = nodes + 1, gpus + node.allocatable.get(technology.gpu_resource, 0)
            free += 0 if node_obstacle(snapshot, provider, node, 0, now) else left
    return Capacity(nodes, gpus, free)


def _model(snapshot: Snapshot, queued: Queued, provider: Provider, offer: Offer) -> ModelStatus:
    key = (provider.key, offer.model)
    servers = snapshot.servers_of_offer[key]
    running = sum(len(snapshot.usage.jobs_of(snapshot.servers[each].uid)) for each in servers)
    return ModelStatus(offer.model, len(servers), queued.of(key), running, offer.price)


def _wallet(provider: Provider) -> Verdict:
    flaw = next((flaw for flaw in provider.flaws if flaw.part.startswith("wallet")), None)
    if flaw is not None:
        return reasons.WALLET_VALID, "False", Cause(flaw.reason, flaw.message)
    return reasons.WALLET_VALID, "True", Cause(reasons.AS_DECLARED, "The wallet's address can be paid to.")


def _models(snapshot: Snapshot, provider: Provider, servers: list[Server]) -> Verdict:
    flaw = next((flaw for flaw in provider.flaws if flaw.part.startswith("models")), None)
    if flaw is not None:
        return reasons.MODELS_VALID, "False", Cause(flaw.reason, flaw.message)
    for server in servers:
        view = snapshot.runners.get(server.uid)
        for model in view.models if view is not None else ():
            if model.state == "Failed" and model.name in provider.offers:
                message = f"Model {model.name} can't be loaded on server {server.key}: {model.detail}"
                return reasons.MODELS_VALID, "False", Cause(model.code or reasons.MODEL_FAILED, message)
    return reasons.MODELS_VALID, "True", Cause(reasons.AS_DECLARED, "No model is known to be wrong.")


def _capacity_available(snapshot: Snapshot, provider: Provider, capacity: Capacity, now: Instant) -> Verdict:
    kind, nodes = reasons.CAPACITY_AVAILABLE, snapshot.offered_nodes(provider)
    if not nodes:
        return kind, "False", Cause(reasons.NO_NODES, "spec.nodes.selector selects no node. Label the GPU nodes.")
    whys = {node_obstacle(snapshot, provider, node, 0, now) for node in nodes}
    if capacity.gpus and "" in whys:
        return kind, "True", Cause(reasons.AS_DECLARED, "There are nodes with GPUs for servers.")
    why = ", ".join(sorted(why for why in whys if why)) or "they have no GPUs of the technologies' gpuResource"
    return kind, "False", Cause(reasons.NO_GPUS, f"No selected node can be used: {why}.")


def _attested(snapshot: Snapshot, servers: list[Server], now: Instant) -> Verdict:
    kind, running = reasons.ATTESTED, [server for server in servers if server.running]
    if not running:
        return kind, "Unknown", Cause(reasons.NO_SERVERS, "No server runs.")
    why = next((why for server in running if (why := trust_obstacle(snapshot, server, now))), "")
    if not why:
        return kind, "True", Cause(reasons.TRUSTED, "Every running server is attested.")
    truth: Truth = "Unknown" if why == "not attested yet" else "False"
    return kind, truth, Cause(reasons.ATTESTING, f"At least one running server is {why}.{_advice(snapshot, running)}")


def _advice(snapshot: Snapshot, running: list[Server]) -> str:
    """What the first refused server's evidence lacks, or why no verdict could be had, and how to mend it."""
    for server in running:
        known = snapshot.attestations.get(server.uid)
        if known is not None and known.verdict is not None and not known.verdict.trusted:
            return f" {untrusted_message(known.verdict)}"[:900]
        if known is not None and known.failure:
            return f" {known.failure}"
    return ""


def _up_to_date(snapshot: Snapshot, provider: Provider, servers: list[Server], now: Instant) -> Verdict:
    """How far a rollout is, and what stops it (rollout.py)."""
    kind, offers = reasons.UP_TO_DATE, provider.offers
    older = {server.key: server.model for server in servers if _is_older(server, offers.get(server.model))}
    if not older:
        return kind, "True", Cause(reasons.AS_DECLARED, "Every server is as it is declared now.")
    for server in servers:
        why = obstacle(snapshot, server, now) if server.model in older.values() and server.key not in older else ""
        if why.endswith((")", UNREACHABLE)):
            message = (
                f"Server {server.key}, which is as declared now, does not come up: it is {why}. The older ones stay "
                "as they are until it does. Correct the declaration, or set it back."
            )
            return kind, "False", Cause(reasons.ROLLOUT_STOPPED, message)
    message = f"{counted(len(older), 'server is', 'servers are')} of an older declaration, to be replaced one by one."
    return kind, "False", Cause(reasons.ROLLING_OUT, message)


def _is_older(server: Server, offer: Offer | None) -> bool:
    return offer is not None and server.template != offer.template


def _ready(provider: Provider, checks: Iterable[Verdict], counts: ServerCounts) -> Verdict:
    for kind, truth, cause in checks:
        if truth == "False" and kind not in _HARMLESS:
            return reasons.READY, "False", cause
    flaw = next(iter(provider.flaws), None)
    if flaw is not None:
        return reasons.READY, "False", Cause(flaw.reason, flaw.message)
    if provider.operation != "Serve":
        message = f"spec.operation is {provider.operation}. Set it to Serve to take jobs."
        return reasons.READY, "False", Cause(reasons.HOLDING, message)
    least = sum(offer.minimum for offer in provider.offers.values() if offer.isolation == "Shared")
    if counts.ready < least:
        message = f"{counted(counts.ready, 'server is', 'servers are')} ready; the models' minimums ask for {least}."
        return reasons.READY, "False", Cause(reasons.ATTESTING, message)
    return reasons.READY, "True", Cause(reasons.SERVING, "The provider takes jobs.")


def _price_range(offers: Iterable[Offer]) -> str | None:
    """The prices of all models in a few characters, for the column."""
    shown = sorted({price_in_words(offer.price) for offer in offers})
    return None if not shown else shown[0] if len(shown) == 1 else f"{len(shown)} prices"
