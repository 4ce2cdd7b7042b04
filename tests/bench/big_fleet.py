"""Records of a large fleet at work: every slot taken, and a long queue of many classes behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cocoon.api.money import Usage
from cocoon.api.provider import Nodes
from cocoon.api.selectors import LabelSelector
from cocoon.fleet.plan import job_status
from cocoon.fleet.plan.records import Attempt, Attestation, Job, Node, Provider, RunnerView, Server
from tests.unit.plan import builders
from tests.unit.plan.builders import START

CONCURRENCY: Final = 8
MODELS_PER_PROVIDER: Final = 4


class Size(Struct, frozen=True):
    """How large the fleet is. Every node has 8 GPUs with a server each; every server one job that fills it."""

    nodes: int = 1_000
    queued: int = 100_000
    providers: int = 100
    models: int = 20
    namespaces: int = 50

    @property
    def servers(self) -> int:
        """All servers."""
        return self.nodes * 8


class Fleet(Struct):
    """All records, by kind."""

    providers: list[Provider]
    nodes: list[Node]
    servers: list[Server]
    attestations: list[Attestation]
    views: list[RunnerView]
    running: list[Job]
    queued: list[Job]


def big_fleet(size: Size) -> Fleet:
    """Build every record."""
    providers = [_provider(size, number) for number in range(size.providers)]
    nodes = [builders.node(f"n{number}", labels=_labels(size, number)) for number in range(size.nodes)]
    servers = list(_servers(size, providers))
    running = [_running(server, providers[number // 8 % size.providers]) for number, server in enumerate(servers)]
    views = [_at_work(server, job) for server, job in zip(servers, running, strict=True)]
    attestations = [builders.attestation(server) for server in servers]
    queued = [_queued(size, number) for number in range(size.queued)]
    return Fleet(providers, nodes, servers, attestations, views, running, queued)


def _labels(size: Size, number: int) -> dict[str, str]:
    return {"tee": "tdx", "rack": str(number % size.providers)}


def _provider(size: Size, number: int) -> Provider:
    first = number % (size.models // MODELS_PER_PROVIDER) * MODELS_PER_PROVIDER
    most = size.servers // size.providers
    offers = [
        builders.offer(f"m{first + each}", concurrency=CONCURRENCY, maximum=most) for each in range(MODELS_PER_PROVIDER)
    ]
    selector = LabelSelector(match_labels={"rack": str(number)})
    return builders.provider(f"p{number}", *offers, nodes=Nodes(selector=selector))


def _servers(size: Size, providers: list[Provider]) -> Iterator[Server]:
    for number in range(size.servers):
        node = number // 8
        provider = providers[node % size.providers]
        model = sorted(provider.offers)[number % MODELS_PER_PROVIDER]
        yield builders.server(
            f"s{number}", provider=provider.key, model=model, node=f"n{node}", concurrency=CONCURRENCY
        )


def _running(server: Server, provider: Provider) -> Job:
    name = server.key.split("/")[1]
    waiting = builders.job(f"running-{name}", model=server.model, parallelism=CONCURRENCY)
    status = job_status.bind(waiting, server, provider, provider.offers[server.model].price, START)
    return builders.job(f"running-{name}", model=server.model, parallelism=CONCURRENCY, status=status)


def _at_work(server: Server, job: Job) -> RunnerView:
    attempt = Attempt(job.uid, 1, Usage(), START)
    return builders.view(server, idle_since=None, attempts={f"{job.uid}/1": attempt})


def _queued(size: Size, number: int) -> Job:
    return builders.job(
        f"job-{number}",
        namespace=f"team-{number % size.namespaces}",
        model=f"m{number // size.namespaces % size.models}",
        parallelism=(1, 1, 2, 4)[number % 7 % 4],
        priority=number % 3,
        submitted=START + number / 1_000,
    )
