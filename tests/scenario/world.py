"""A world in memory: given objects → run until something holds → look. Only the ports are fakes; the rest is real."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cocoon.api.resources import JOB, LEASE, NAMESPACE, NODE, POD, PROVIDER, Manifest, Resource
from cocoon.api.times import format_time
from cocoon.attest.collect import Collector
from cocoon.attest.library import Library
from cocoon.attest.sources import Source
from cocoon.fleet.act.means import Means
from cocoon.fleet.credits import Credits
from cocoon.fleet.foreign import Foreign
from cocoon.fleet.leadership import Leadership
from cocoon.fleet.listener import Listener
from cocoon.fleet.loop import Loop
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.owners import Owners
from cocoon.fleet.ports.failures import Failure
from cocoon.fleet.ports.payout import NoPayout, Payout
from cocoon.fleet.ports.resources import Ref
from cocoon.fleet.render.server_pod import RunnerTerms
from cocoon.fleet.run import mirror_for
from cocoon.fleet.settings import Settings
from tests.scenario.cluster import FakeCluster
from tests.scenario.kubelet import FakeKubelet
from tests.scenario.runners import FakeRunner, FakeServers

#: When every world begins, in seconds since 1970.
BEGINNING = 1_800_000_000.0
CLUSTER_ID = "cluster-1"
WATCHED = (PROVIDER, JOB, POD, NODE, NAMESPACE)
Predicate = Callable[["World"], bool]


class VirtualClock:
    """The virtual loop's time."""

    def now(self) -> float:
        return BEGINNING + asyncio.get_running_loop().time()

    def elapsed(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):  # wait_for can lose a cancellation (Python 3.11)
                await event.wait()
        except TimeoutError:
            return False
        return True


class Operator:
    """One operator process of this world."""

    def __init__(self, world: World, identity: str) -> None:
        settings = Settings(
            namespace="cocoon-system", identity=identity, runner_image="runner:1", allow_test_roots=True
        )
        metrics, clock = Metrics(), VirtualClock()
        mirror = mirror_for(settings, metrics)
        terms = RunnerTerms(image=settings.runner_image, operator_certificates="PEM", allow_test_roots=True)
        servers = FakeServers(world)
        self.means = Means(
            mirror,
            world.cluster,
            servers,
            world.payout,
            clock,
            terms,
            CLUSTER_ID,
            settings.allow_test_roots,
            library=Library(world.shelves, clock.now),
            more_roots=world.test_roots,
        )
        lease = Ref(LEASE, settings.namespace, settings.lease)
        self.leadership = Leadership(lease, identity, settings.lease_seconds, clock, metrics)
        self.loop = Loop(self.means, Listener(self.means), self.leadership, metrics)
        self._world = world
        self._foreign = Foreign(mirror, clock, settings.foreign_seconds)
        self._task: asyncio.Task[None] | None = None
        self.blind_to: set[str] = set()
        """Names of objects whose changes its watches don't bring."""

    def start(self) -> None:
        self._world.cluster.watchers.append(self._watch)
        self._task = asyncio.create_task(self._run())

    async def kill(self) -> None:
        """End it as kill -9 does: nothing is given back, nothing is finished."""
        self._world.cluster.watchers.remove(self._watch)
        self.leadership._held_until = float("-inf")
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _watch(self, resource: Resource, event: str, body: Manifest) -> None:
        """What kopf passes on."""
        if body["metadata"]["name"] in self.blind_to:
            return
        labels = body["metadata"].get("labels") or {}
        ours = resource is not POD or labels.get("app.kubernetes.io/managed-by") == "cocoon-fleet"
        if resource in WATCHED and ours:
            self.means.mirror.note(resource, event, body)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relist())
            tasks.create_task(self._foreign.run(self.means.cluster))
            tasks.create_task(Credits(self.means.mirror, self.means.clock, 5.0).run(self.means.payout))
            tasks.create_task(Owners(self.means.mirror, self.means.clock, 30.0).run(self.means.payout))
            tasks.create_task(self.leadership.run(self.means.cluster))
            tasks.create_task(self.loop.run())

    async def _relist(self) -> None:
        while True:
            try:
                await self.means.mirror.relist(self.means.cluster)
            except Failure:
                await asyncio.sleep(2)
                continue
            await asyncio.sleep(300)


class World:
    """A cluster, its nodes and runners, and one operator or more."""

    def __init__(self) -> None:
        self.cluster = FakeCluster(self.now)
        self.runners: dict[str, FakeRunner] = {}
        self.operators: dict[str, Operator] = {}
        self.crashed = asyncio.Event()
        self.payout: Payout = NoPayout()
        self.work = 5.0
        self.breaks_new_runners = False
        self.collector: Collector | None = None
        """What new runners show evidence with; the development stand-in if None."""
        self.shelves: list[Source] = []
        """Where operators look for collateral."""
        self.test_roots: frozenset[str] = frozenset()
        self._crash_at: Callable[[str, str], bool] | None = None
        self.cluster.watchers.append(FakeKubelet(self).watch)
        self.cluster.afterwards = self._after_write

    def now(self) -> float:
        return VirtualClock().now()

    # --- given ---

    def has(self, *objects: Manifest) -> None:
        """These objects are there."""
        for each in objects:
            self.cluster.put(each)

    def starts(self, identity: str = "a") -> Operator:
        """Start an operator process."""
        operator = self.operators[identity] = Operator(self, identity)
        operator.start()
        return operator

    async def kills(self, identity: str = "a") -> None:
        """kill -9 an operator."""
        await self.operators.pop(identity).kill()

    async def ends(self) -> None:
        """Stop everything."""
        for identity in list(self.operators):
            await self.kills(identity)

    # --- what happens ---

    def starts_runner(self, pod: Manifest, node: str) -> None:
        environment = next(each["env"] for each in pod["spec"]["containers"] if each["name"] == "runner")
        given = {each["name"]: each["value"] for each in environment}
        runner = FakeRunner(self.now, given["COCOON_PAYEE"], given["COCOON_PROVIDER_UID"], node)
        runner.work = self.work
        runner.reachable = not self.breaks_new_runners
        if self.collector is not None:
            runner.runs_in(self.collector)
        self.runners[pod["metadata"]["uid"]] = runner

    def runner_of(self, uid: str) -> FakeRunner | None:
        return self.runners.get(uid)

    def ends_runner(self, uid: str) -> None:
        if uid in self.runners:
            self.runners[uid].alive = False

    def loses(self, node: str) -> None:
        """The node is destroyed, and its Pods are collected."""
        for runner in self.runners.values():
            runner.alive = runner.alive and runner.node != node
        for key in [key for key, pod in self.cluster.objects[POD].items() if pod["spec"].get("nodeName") == node]:
            self.cluster._vanish(Ref(POD, *key.split("/", 1)))
        self.cluster._vanish(Ref(NODE, "", node))

    def not_ready(self, node: str) -> None:
        """The node's kubelet falls silent."""
        stamp = format_time(self.now())

        def change(body: Manifest) -> None:
            body["status"]["conditions"] = [{"type": "Ready", "status": "Unknown", "lastTransitionTime": stamp}]

        self.cluster.edit(Ref(NODE, "", node), change)

    def cuts(self, node: str, *, off: bool = True) -> None:
        """Runners on the node are out of the operator's reach, or in it again."""
        for runner in self.runners.values():
            if runner.node == node:
                runner.reachable = not off

    def edits(self, kind: Any, name: str, change: Callable[[Manifest], None]) -> None:
        """Somebody edits an object."""
        self.cluster.edit(Ref(kind, "default", name), change)

    def deletes(self, kind: Any, name: str) -> None:
        """Somebody deletes an object."""
        self.cluster.remove(Ref(kind, "default", name), graceful=kind is POD)

    # --- crashes ---

    def crashes_at(self, when: Callable[[str, str], bool]) -> None:
        """Play a crash right after the call for which `when(verb, subject)` is true: it never returns."""
        self._crash_at = when
        self.crashed.clear()

    async def restarts_after_crash(self) -> None:
        """Wait for the crash, then end that process and start another."""
        await asyncio.wait_for(self.crashed.wait(), 600)
        await self.kills("a")
        self.starts("a")

    async def after_call(self, verb: str, subject: str) -> None:
        if self._crash_at is not None and self._crash_at(verb, subject):
            self._crash_at = None
            self.crashed.set()
            await asyncio.get_running_loop().create_future()

    async def _after_write(self, verb: str, body: Manifest) -> None:
        state = (body.get("status") or {}).get("state", "")
        await self.after_call(verb, f"{body['kind']}/{body['metadata']['name']}/{state}")

    # --- then ---

    async def until(self, holds: Predicate, within: float = 900.0) -> None:
        """Let time pass until it holds. Fails after `within` seconds of the world's time."""
        deadline = self.now() + within
        while not holds(self):
            if self.now() > deadline:
                raise AssertionError(f"It did not come to hold within {within:.0f} s:\n{self.picture()}")
            await asyncio.sleep(0.05)

    async def passes(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def job(self, name: str) -> dict[str, Any]:
        """A job's status."""
        body = self.cluster.find(JOB, f"default/{name}")
        return (body or {}).get("status") or {}

    def provider(self, name: str) -> Manifest | None:
        return self.cluster.find(PROVIDER, f"default/{name}")

    def servers(self) -> list[Manifest]:
        """Server Pods that are not being deleted."""
        pods = self.cluster.objects[POD].values()
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    def node_of(self, name: str) -> str:
        """The node that a job runs on."""
        pod = self.cluster.find(POD, self.job(name)["binding"]["server"])
        assert pod is not None
        return str(pod["spec"]["nodeName"])

    def attempts(self, name: str) -> int:
        """The number of the job's newest attempt."""
        return int(self.job(name)["binding"]["attempt"])

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        """A condition of a job; empty if it is not there."""
        found = [each for each in self.job(name).get("conditions", []) if each["type"] == kind]
        return found[0] if found else {}

    def picture(self) -> str:
        """What is there, for people who read failures."""
        lines = [f"at {self.now() - BEGINNING:.1f} s"]
        for resource in (PROVIDER, NODE, POD, JOB):
            lines += [f"{key}: {body.get('status')}" for key, body in self.cluster.objects[resource].items()]
        return "\n".join(line[:600] for line in lines)


def job_is(name: str, state: str) -> Predicate:
    """The job's state is this."""
    return lambda world: world.job(name).get("state") == state


def any_server(world: World) -> bool:
    """There is a server that takes jobs."""
    ready = [each for pod in world.servers() for each in pod.get("status", {}).get("conditions", [])]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in ready)


Check = Callable[[World], Awaitable[None]]
