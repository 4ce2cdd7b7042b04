"""The fleet in figures, from what the API server holds: no decisions, and nothing that only the operator knows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from cocoon.api.conditions import find
from cocoon.api.provider import CocoonProvider
from cocoon.api.resources import Manifest
from cocoon.api.trust import Trust
from cocoon.cli.concerns import Concern
from cocoon.fleet.plan import reasons

STATES: Final = ("Pending", "Running", "Succeeded", "Failed")


class ProviderLine(Struct, frozen=True, rename="camel"):
    """One provider. `ready` is True, False or Unknown; amounts are strings of nanoTON."""

    provider: str
    ready: str
    reason: str
    trust: str
    operation: str
    nodes: int
    gpus: int
    gpus_free: int
    servers: int
    servers_ready: int
    servers_attested: int
    running: int
    earned: str
    owed: str


class ModelLine(Struct, frozen=True, rename="camel"):
    """One model, by however many providers it is offered. Waiting jobs are counted once."""

    model: str
    providers: int
    servers: int
    running: int
    waiting: int


class Report(Struct, frozen=True, rename="camel"):
    """One screen of the fleet. `jobs` counts them by state."""

    providers: tuple[ProviderLine, ...]
    models: tuple[ModelLine, ...]
    jobs: Mapping[str, int]
    concerns: tuple[Concern, ...]


def provider_of(body: Manifest) -> CocoonProvider | None:
    """The object, or None if it has another shape than this release knows."""
    try:
        return msgspec.convert(body, CocoonProvider)
    except msgspec.ValidationError:
        return None


def provider_line(provider: CocoonProvider) -> ProviderLine:
    """What its status says."""
    status, ready = provider.status, find(provider.status.conditions, reasons.READY)
    capacity, servers, earnings = status.capacity, status.servers, status.earnings
    owed = int(earnings.accrued) + int(earnings.in_flight) if earnings else 0
    return ProviderLine(
        provider=f"{provider.metadata.namespace}/{provider.metadata.name}",
        ready=ready.status if ready else "Unknown",
        reason=ready.reason if ready else "NotSeen",
        trust=status.trust or provider.spec.confidential.trust,
        operation="Delete" if provider.metadata.deletion_timestamp else provider.spec.operation,
        nodes=capacity.nodes if capacity else 0,
        gpus=capacity.gpus if capacity else 0,
        gpus_free=capacity.gpus_free if capacity else 0,
        servers=servers.total if servers else 0,
        servers_ready=servers.ready if servers else 0,
        servers_attested=servers.attested if servers else 0,
        running=sum(model.running for model in status.models),
        earned=earnings.earned if earnings else "0",
        owed=str(owed),
    )


def model_lines(providers: Iterable[CocoonProvider], jobs: Iterable[Mapping[str, str]]) -> tuple[ModelLine, ...]:
    """Offers and jobs by model, also models that jobs wait for and nobody offers."""
    offers, servers, running = Counter[str](), Counter[str](), Counter[str]()
    for provider in providers:
        for model in provider.status.models:
            offers[model.name] += 1
            servers[model.name] += model.servers
            running[model.name] += model.running
    waiting = Counter(job["Model"] for job in jobs if state_of(job) == "Pending")
    names = sorted(offers.keys() | waiting.keys())
    return tuple(ModelLine(name, offers[name], servers[name], running[name], waiting[name]) for name in names)


def count_jobs(jobs: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Jobs by state, all states named."""
    counts: dict[str, int] = defaultdict(int, dict.fromkeys(STATES, 0))
    for job in jobs:
        counts[state_of(job)] += 1
    return dict(counts)


def state_of(job: Mapping[str, str]) -> str:
    """The state of a job's row; one that the operator has not seen yet has none, and waits."""
    return job.get("State") or "Pending"


def of_test_roots(report: Report) -> bool:
    """Whether any provider is under development roots."""
    return any(line.trust == Trust.TEST for line in report.providers)
