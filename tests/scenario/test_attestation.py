"""Who is trusted, for how long, and what is said: TDX evidence under a test root; collateral comes and goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from cocoon.api.resources import POD, Manifest
from cocoon.api.trust import Trust
from cocoon.attest.collateral import Need
from cocoon.attest.hardware import HardwareCollector
from cocoon.attest.sources import Unavailable
from cocoon.attest.tsm import Tsm
from tests.attest.configfs import ROOT, FakeConfigfs
from tests.attest.makers.intel import MR_TD, intel
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.story import scenario
from tests.scenario.world import BEGINNING, World, any_server, job_is

START = datetime.fromtimestamp(BEGINNING, UTC)
NAME = "intel/00906ED50000/platform.json"


class Pcs:
    """Intel's service, which can be away and can publish something else."""

    def __init__(self) -> None:
        self.away, self.asked = False, 0
        self.publishes()

    def publishes(self, **wish: Any) -> None:
        times = {"issued": START - timedelta(hours=1), "ends": START + timedelta(days=30)}
        self.content = intel().published(**(times | wish))

    async def fetch(self, need: Need) -> bytes:
        self.asked += 1
        if self.away or need.name != NAME:
            raise Unavailable("Intel's service can't be reached")
        return self.content


def confidential(**policy: Any) -> dict[str, Any]:
    terms = {
        "trust": "Test",
        "requireGPU": False,
        "reattestEvery": "10m",
        "technologies": [{"name": "Development", "gpuResource": "nvidia.com/pgpu"}],
        "policy": policy,
    }
    return {"confidential": terms}


def given(world: World, drain: str = "5m", **policy: Any) -> Pcs:
    """TDX guests under a test root, and an operator that knows Intel's service."""
    pcs, platform = Pcs(), intel().platform()
    cpu = Tsm(ROOT, FakeConfigfs("tdx_guest", lambda data: intel().quote(platform, data)))
    world.collector = HardwareCollector(tee="tdx", cpu=cpu, trust=Trust.TEST)
    world.shelves, world.test_roots = [pcs], frozenset({intel().root.fingerprint})
    world.has(provider("dc1", ["minilm"], drainTimeout=drain, **confidential(**policy)), gpu_node("n1"))
    return pcs


def attested(world: World) -> Manifest:
    found = world.provider("dc1")
    assert found is not None
    conditions = {each["type"]: each for each in (found.get("status") or {}).get("conditions", [])}
    return dict(conditions.get("Attested") or {"status": "", "message": ""})


@scenario
async def test_tdx_servers_work_under_the_providers_policy(world: World) -> None:
    given(world, measurements=[{"mrTd": MR_TD.hex()}], minimumTcbDate="2024-01-01", minimumTcbEvaluation=17)
    world.has(job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    await world.until(lambda w: attested(w)["status"] == "True", within=60)


@scenario
async def test_each_term_of_the_policy_reaches_the_verifier(world: World) -> None:
    given(
        world, measurements=[{"mrTd": "00" * 48}], minimumTcbDate="2025-01-01", minimumTcbEvaluation=18,
        platformIds=["00" * 16],
    )  # fmt: skip
    world.has(job("j1", "minilm"))
    world.starts()
    await world.until(lambda w: "PlatformUnknown" in attested(w)["message"], within=300)
    message = attested(world)["message"]
    for code in ("MeasurementUnknown", "TcbTooOld", "CollateralTooOld", "PlatformUnknown"):
        assert code in message
    assert "update its firmware" in message
    await world.until(lambda w: "left alone for a while" in w.condition("j1", "Bound")["message"], within=60)
    assert "(MeasurementUnknown)" in world.condition("j1", "Bound")["message"]


@scenario
async def test_a_refused_server_goes_and_its_node_is_left_alone_for_longer_each_time(world: World) -> None:
    given(world, drain="1m", measurements=[{"mrTd": "00" * 48}])
    world.has(job("j1", "minilm"))
    world.starts()
    starts: list[float] = []
    known: set[str] = set()
    for _ in range(4_000):
        await world.passes(1.0)
        fresh = {pod["metadata"]["uid"] for pod in world.servers()} - known
        starts += [world.now()] * len(fresh)
        known |= fresh
        if len(starts) == 4:
            break
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(gaps) == 3
    assert gaps[0] < gaps[1] < gaps[2]


@scenario
async def test_while_collateral_is_out_of_reach_fresh_verdicts_keep_working_and_nothing_is_deleted(
    world: World,
) -> None:
    pcs = given(world)
    world.has(job("j1", "minilm"))
    operator = world.starts()
    await world.until(job_is("j1", "Succeeded"))
    pods = set(world.cluster.objects[POD])
    pcs.away = True
    assert operator.means.library is not None
    operator.means.library._pieces.clear()
    await world.passes(500)
    world.has(job("j2", "minilm"))
    await world.until(job_is("j2", "Succeeded"), within=60)
    assert set(world.cluster.objects[POD]) == pods


@scenario
async def test_a_new_operator_without_collateral_trusts_nobody_and_deletes_nothing(world: World) -> None:
    pcs = given(world)
    world.has(job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    pods = set(world.cluster.objects[POD])
    await world.kills()
    pcs.away = True
    world.has(job("j2", "minilm"))
    world.starts()
    await world.passes(300)
    assert set(world.cluster.objects[POD]) == pods
    assert not job_is("j2", "Succeeded")(world)
    assert "CollateralMissing" in attested(world)["message"]
    assert "Make its source reachable" in attested(world)["message"]
    pcs.away = False
    await world.until(job_is("j2", "Succeeded"), within=900)


@scenario
async def test_a_platform_that_falls_out_of_date_is_noticed_when_it_is_attested_again(world: World) -> None:
    pcs = given(world)
    world.has(job("j1", "minilm"))
    operator = world.starts()
    await world.until(job_is("j1", "Succeeded"))
    pcs.publishes(status="OutOfDate", advisories=("INTEL-SA-1",))
    assert operator.means.library is not None
    operator.means.library._pieces.clear()
    await world.until(lambda w: "TcbStatus" in attested(w)["message"], within=700)


@scenario
async def test_verdicts_are_renewed_at_times_that_differ_before_they_expire(world: World) -> None:
    given(world)
    world.has(
        *(gpu_node(f"m{number}") for number in range(3)),
        *(job(f"j{number}", "minilm", parallelism=8) for number in range(4)),
    )
    world.work = 60.0
    operator = world.starts()
    await world.until(any_server)
    await world.until(lambda _: len(operator.means.mirror.snapshot.attestations) >= 2, within=300)
    known = operator.means.mirror.snapshot.attestations.values()
    due = {round(each.next_try - world.now(), 3) for each in known if each.verdict is not None}
    assert len(due) > 1
    assert all(each.verdict is None or each.next_try < each.verdict.not_after for each in known)
