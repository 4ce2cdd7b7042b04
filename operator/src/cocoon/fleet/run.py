"""One operator process, put together: ports, mirror, loop and everything that feeds them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from cocoon.api.resources import JOB, LEASE, NAMESPACE, NODE, POD, PROVIDER, Resource
from cocoon.attest.channel import verifying
from cocoon.attest.library import Library
from cocoon.attest.opening import open_library
from cocoon.attest.tls import Identity
from cocoon.fleet.accepted_evidence import AcceptedEvidence
from cocoon.fleet.act.means import Means
from cocoon.fleet.credits import Credits
from cocoon.fleet.foreign import Foreign
from cocoon.fleet.health import Health, serve
from cocoon.fleet.identity import identity
from cocoon.fleet.keyring_watch import KeyringWatch
from cocoon.fleet.leadership import Leadership
from cocoon.fleet.listener import Listener
from cocoon.fleet.logs import fields
from cocoon.fleet.loop import Loop
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror, Observer
from cocoon.fleet.observe.job import job
from cocoon.fleet.observe.node import namespace, node
from cocoon.fleet.observe.pod import server
from cocoon.fleet.observe.provider import provider
from cocoon.fleet.owners import Owners
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.ports.clock import Clock, MachineClock
from cocoon.fleet.ports.cluster import Cluster
from cocoon.fleet.ports.failures import Failure, Refused
from cocoon.fleet.ports.keyring import AttestedKeyrings
from cocoon.fleet.ports.kubernetes_cluster import KubernetesCluster
from cocoon.fleet.ports.login import Login, log_in
from cocoon.fleet.ports.payout import NoPayout, Payout
from cocoon.fleet.ports.payout_service import Address, PayoutService
from cocoon.fleet.ports.resources import Ref
from cocoon.fleet.ports.runner_servers import RunnerServers
from cocoon.fleet.ports.served import require_ours
from cocoon.fleet.render.server_pod import RunnerTerms
from cocoon.fleet.settings import Settings
from cocoon.fleet.watching import Watching

Found = TypeVar("Found")
LOG: Final = logging.getLogger(__name__)
Work = Coroutine[Any, Any, None]
#: Seconds until an API server that did not answer is asked again.
_PAUSE: Final = 2.0
#: Connections beyond those that actions can take: the Lease must be renewed however much there is to do.
_SPARE: Final = 8


def mirror_for(settings: Settings, metrics: Metrics) -> Mirror:
    """An empty mirror that can read all kinds."""
    observers: dict[Resource, Observer] = {
        PROVIDER: partial(provider, allow_test_roots=settings.allow_test_roots),
        JOB: job,
        POD: server,
        NODE: node,
        NAMESPACE: namespace,
    }
    return Mirror(Snapshot(), observers, metrics)


class Adapters(Struct, frozen=True):
    """What stands behind the ports; tests put adapters there that break off at a chosen call."""

    cluster: type[KubernetesCluster] = KubernetesCluster
    servers: type[RunnerServers] = RunnerServers


async def run(settings: Settings, adapters: Adapters = Adapters()) -> None:  # noqa: B008 - frozen
    """Run until a signal comes. Raises Refused if the settings can't work."""
    metrics, clock = Metrics(), MachineClock()
    login = await log_in(settings.kubeconfig)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(adapters.cluster(login, metrics, settings.concurrency + _SPARE))
        await _patiently(partial(require_ours, login), clock)
        own = await _patiently(partial(identity, cluster, settings.namespace, settings.identity_secret, clock), clock)
        servers = await stack.enter_async_context(adapters.servers(own))
        cluster_id = settings.cluster_id or await _patiently(partial(_cluster_id, cluster), clock)
        terms = terms_of(settings, own)
        mirror, accepted = mirror_for(settings, metrics), AcceptedEvidence()
        payout = await _payout(settings, cluster_id, accepted, stack)
        means = Means(
            mirror,
            cluster,
            servers,
            payout,
            clock,
            terms,
            cluster_id,
            settings.allow_test_roots,
            accepted=accepted,
            library=await stack.enter_async_context(_library(settings, clock)),
            more_roots=frozenset(settings.test_roots),
            namespaces=settings.namespaces,
        )
        await _run(settings, means, login, metrics, stack)


def _library(settings: Settings, clock: Clock) -> AbstractAsyncContextManager[Library]:
    return open_library(settings.collateral, settings.collateral_cache, clock.now)


async def _payout(settings: Settings, cluster_id: str, accepted: AcceptedEvidence, stack: AsyncExitStack) -> Payout:
    if not settings.payout_url:
        return NoPayout()
    address = Address(settings.payout_url, cluster_id, settings.payout_token_file, settings.payout_ca_file)
    return await stack.enter_async_context(PayoutService(address, accepted.find))


async def _cluster_id(cluster: Cluster) -> str:
    """The uid of the namespace kube-system, which a cluster keeps for its life."""
    return str((await cluster.read(Ref(NAMESPACE, "", "kube-system")))["metadata"]["uid"])


def terms_of(settings: Settings, own: Identity) -> RunnerTerms:
    """What the settings say of runners."""
    return RunnerTerms(
        image=settings.runner_image,
        operator_certificates=own.certificate.decode(),
        port=settings.runner_port,
        priority_class=settings.priority_class,
        allow_private_addresses=settings.allow_private_addresses,
        allow_test_roots=settings.allow_test_roots,
        operator_namespace=settings.namespace,
        keyring_ports=tuple(sorted({urlsplit(address).port or 443 for address in settings.keyrings})),
        collateral=settings.runner_collateral,
    )


async def _keyrings(settings: Settings, means: Means) -> None:
    """Ask keyrings who they are, for ever."""
    judge = verifying(means.clock.now, means.library)
    expected = settings.keyring_measurements
    port = AttestedKeyrings(judge, expected, allow_test_roots=settings.allow_test_roots)
    await KeyringWatch(means.mirror, means.clock, settings.keyrings, expected, settings.keyring_seconds).run(port)


async def _run(settings: Settings, means: Means, login: Login, metrics: Metrics, stack: AsyncExitStack) -> None:
    lease = Ref(LEASE, settings.namespace, settings.lease)
    leadership = Leadership(lease, settings.identity, settings.lease_seconds, means.clock, metrics)
    loop = Loop(means, Listener(means), leadership, metrics, settings.concurrency)
    health = Health(means, metrics, lambda: loop.beat)
    served = await serve(health, settings.listen, settings.port)
    stack.push_async_callback(served.cleanup)
    watching = Watching(settings, login, means.clock, metrics)
    background: list[Work] = [
        _relist(settings, means, metrics, watching.relist),
        Foreign(means.mirror, means.clock, settings.foreign_seconds).run(means.cluster),
        Credits(means.mirror, means.clock, settings.credit_seconds).run(means.payout),
        Owners(means.mirror, means.clock, settings.earnings_seconds).run(means.payout),
        _keyrings(settings, means),
        leadership.run(means.cluster),
        loop.run(),
    ]
    await _until_told(watching, means.mirror, background)


async def _until_told(watching: Watching, mirror: Mirror, background: list[Work]) -> None:
    """Run everything until a signal comes; then our own tasks end first, for kopf waits for all that are left."""
    told, over = asyncio.Event(), asyncio.Event()
    _listen_for_signals(told)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in background]
        group.create_task(_watch(watching, mirror, told, over)).add_done_callback(lambda _: told.set())
        await told.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        over.set()


async def _watch(watching: Watching, mirror: Mirror, told: asyncio.Event, over: asyncio.Event) -> None:
    """Watch once the first LIST is in: what kopf finds at its start is known by then and costs little."""
    either = {asyncio.create_task(event.wait()) for event in (mirror.complete, told)}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    for waiting in either:
        waiting.cancel()
    if not told.is_set():
        await watching.run(mirror, over, partial(_listen_for_signals, told))


def _listen_for_signals(told: asyncio.Event) -> None:
    """Take the signals; kopf does so too when it starts, and would wait for our tasks before it tells us."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)


async def _relist(settings: Settings, means: Means, metrics: Metrics, soon: asyncio.Event) -> None:
    """LIST everything at the start, every few minutes, and soon after something may have been missed."""
    while True:
        started = means.clock.elapsed()
        soon.clear()
        try:
            await means.mirror.relist(means.cluster, means.namespaces)
        except Failure as failure:
            LOG.warning("The cluster can't be listed", extra=fields(why=str(failure)))
            await means.clock.sleep(_PAUSE)
            continue
        metrics.relist_seconds.set(means.clock.elapsed() - started)
        for kind, count in means.mirror.count().items():
            metrics.objects.labels(kind).set(count)
        await means.clock.wait(soon, settings.relist_seconds)


async def _patiently(call: Callable[[], Awaitable[Found]], clock: Clock) -> Found:
    """Call until the API server answers."""
    while True:
        try:
            return await call()
        except Refused:
            raise
        except Failure as failure:
            LOG.warning("The API server does not answer yet", extra=fields(why=str(failure)))
            await clock.sleep(_PAUSE)
