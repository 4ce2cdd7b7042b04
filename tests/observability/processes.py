"""Processes in the middle of trouble: the real endpoints of each part over figures that a bad day would leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web

from cocoon.api.conditions import Condition
from cocoon.api.job import JobStatus
from cocoon.api.money import NanoTon
from cocoon.fleet.act.means import Means
from cocoon.fleet.health import Health
from cocoon.fleet.metrics import Metrics as FleetMetrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.actions import FinishJob, WriteJobStatus
from cocoon.fleet.plan.memory import Avoided
from cocoon.fleet.plan.records import Keyring, Keyrings, PayoutLink
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.keyring import health as keyring_health
from cocoon.keyring.metrics import Metrics as KeyringMetrics
from cocoon.payout.metrics import Metrics as PayoutMetrics
from cocoon.payout.sending.metrics import PaymentMetrics
from cocoon.payout.sending.rounds import Round
from cocoon.runner.health import Health as RunnerHealth
from cocoon.runner.metrics import Metrics as RunnerMetrics
from cocoon.ton.chain import BEFORE_THE_FIRST, AccountState, ChainHead
from tests.payout import kit
from tests.unit.plan import builders as a
from tests.unit.plan.builders import START

STAMP = "2027-01-15T08:00:00Z"
_NOTHING = cast("Any", None)


class FixedClock:
    """Always the same moment."""

    def now(self) -> float:
        return START

    def elapsed(self) -> float:
        return 100.0


def snapshot() -> Snapshot:
    """A provider that is not ready, a node in quarantine, servers that are not trusted or silent, jobs that wait."""
    found = Snapshot()
    found.put(a.provider())
    found.put(a.node("n1"))
    found.put(a.node("n2"))
    found.memory.avoided["n2"] = Avoided(3, START + 600, "NotTrusted: …")
    servers = [a.server(name) for name in ("s1", "s2")]
    for server in servers:
        found.put(server)
        found.memory.attested[server.uid] = START - 60
        found.put(a.view(server))
    silent = a.server("s3")
    found.put(silent)
    found.put(a.view(silent, unreachable_since=START - 7))
    found.put(a.attestation(servers[0]))
    found.put(a.attestation(servers[1], verdict=a.untrusted("TcbOutOfDate")))
    no_slots = Condition("Bound", "False", "NoFreeSlots", "…", STAMP, 1)
    found.put(a.job("waits", submitted=START - 4000, status=JobStatus(conditions=(no_slots,))))
    found.put(a.job("runs", status=JobStatus(state="Running")))
    succeeded = JobStatus(state="Succeeded", cost="7", completion_time=STAMP)
    found.put(a.job("unheard", status=succeeded, budget=9))
    found.put(PayoutLink(configured=True, unreachable_since=START - 5))
    found.put(Keyrings((Keyring("https://keyring", epoch="1", answers=True),)))
    return found


class Fleet:
    """The operator's endpoint. Each scrape finds that more has happened."""

    def __init__(self) -> None:
        self.metrics = FleetMetrics()
        self.snapshot = snapshot()
        mirror = Mirror(self.snapshot, {}, self.metrics)
        means = Means(mirror, _NOTHING, _NOTHING, _NOTHING, cast("Any", FixedClock()), _NOTHING, "cluster")
        self.application = Health(means, self.metrics, lambda: 98.0).application()
        self.metrics.leading.set(1)
        self.metrics.backing_off.set(2)
        self.metrics.objects.labels("InferenceJob").set(2)

    async def goes_on(self) -> None:
        metrics = self.metrics
        metrics.round_seconds.observe(0.004)
        metrics.running_actions.set(3)
        metrics.broken_rounds.inc()
        metrics.actions.labels("AttestServer", "Done").inc()
        metrics.actions.labels("PushJob", "Busy").inc()
        metrics.action_seconds.labels("AttestServer").observe(0.2)
        metrics.api_calls.labels("update_status", "200").inc()
        metrics.api_calls.labels("update_status", "409").inc()
        metrics.events.labels("InferenceJob", "noted").inc()
        metrics.announcements.labels("Written").inc()
        self._a_job_ends("Succeeded", "Completed")
        self._a_job_ends("Failed", "DeadlineExceeded")

    def _a_job_ends(self, state: Any, reason: str) -> None:
        job = a.job("ended", submitted=START - 9)
        self.snapshot.put(job)
        bound = WriteJobStatus(job.key, job.uid, "1", JobStatus(state="Running"), "Bind")
        self.metrics.outcomes.note(bound, self.snapshot, START)
        said = Condition("Succeeded", "True" if state == "Succeeded" else "False", reason, "…", STAMP, 1)
        self.snapshot.put(a.job("ended", status=JobStatus(state=state, conditions=(said,), start_time=STAMP)))
        end = FinishJob(job.key, job.uid, "1", a.server().key, a.finished(job))
        self.metrics.outcomes.note(end, self.snapshot, START)


class Runner:
    """A runner's endpoint."""

    def __init__(self) -> None:
        self.metrics = RunnerMetrics()
        self.application = RunnerHealth(_NOTHING, _NOTHING, _NOTHING, self.metrics).application()
        self.metrics.in_flight.labels("minilm").set(7)

    async def goes_on(self) -> None:
        metrics = self.metrics
        metrics.load.labels("minilm").observe(4)
        metrics.items.labels("minilm", "answered").inc(100)
        metrics.items.labels("minilm", "failed").inc(1)
        metrics.tokens.labels("minilm", "prompt").inc(1000)
        metrics.attempts.labels("Interrupted", "ServerRetiring").inc()
        metrics.mismatch.labels("minilm").inc()


class Keys:
    """A keyring's endpoint."""

    def __init__(self) -> None:
        self.metrics = KeyringMetrics()
        replica = SimpleNamespace(identities=SimpleNamespace(ready=True), releases={})
        self.application = keyring_health.application(cast("Any", replica), self.metrics)

    async def goes_on(self) -> None:
        self.metrics.calls.labels("release", "OK").inc()


class Payments:
    """What the payout service's own registry shows of paying."""

    def __init__(self, metrics: PayoutMetrics) -> None:
        self._metrics = metrics
        self._payments = PaymentMetrics(metrics.registry)

    async def goes_on(self) -> None:
        state = AccountState(
            balance=NanoTon(5 * kit.TON), deployed=True, last=BEFORE_THE_FIRST, at=ChainHead(1, 1_800_000_000, _NOTHING)
        )
        self._payments.show(Round({1: state}, {}, NanoTon(-7)), 0)
        self._payments.show_standing(2, {"Drift": "…"})
        self._metrics.show_accepted("minilm", 2_000_000, 100_000)
        self._metrics.evidence.labels("Registered").inc()


@asynccontextmanager
async def processes(folder: Path) -> AsyncIterator[dict[str, str]]:
    """All of them; their addresses by Pod name."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(kit.world(folder, f"sqlite:///{folder}/books.sqlite"))
        await world.administrator.credit()
        machine = await world.server()
        await world.operator.hand_in(machine.receipt())
        payments, targets = Payments(world.service.metrics), {"payout": world.url.removeprefix("http://")}
        await payments.goes_on()
        fleet = Fleet()

        async def both() -> None:
            await fleet.goes_on()
            await payments.goes_on()

        for name, application, goes_on in (
            ("operator", fleet.application, both),
            *((type(each).__name__.lower(), each.application, each.goes_on) for each in (Runner(), Keys())),
        ):
            targets[name] = await _serve(stack, application, goes_on)
        yield targets


async def _serve(stack: AsyncExitStack, application: web.Application, goes_on: Callable[[], Awaitable[None]]) -> str:
    @web.middleware
    async def before(request: web.Request, handler: Any) -> web.StreamResponse:
        await goes_on()
        answer: web.StreamResponse = await handler(request)
        return answer

    application.middlewares.append(before)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return "{}:{}".format(*runner.addresses[0][:2])
