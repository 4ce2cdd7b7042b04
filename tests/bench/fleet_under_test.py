"""A fleet to measure: a real API server, simulated nodes, the stub for their runners, and the real operator.

with bench_cluster(nodes=30, gpus=1) as cluster, FleetUnderTest(cluster) as fleet:
    fleet.offer(providers)
    fleet.start_operator()
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
import yaml

from devcluster import ApiServer, Wishes, api_server
from devcluster import ports as tcp
from devcluster.kube import until
from devcluster.paths import State
from devcluster.processes import Processes
from tests.bench.access import Access, token_file
from tests.bench.manifests import CRDS, GPU_RESOURCE, PROVIDERS, Json
from tests.bench.stub_runner import Observed, Progress

OPERATOR_NAMESPACE = "cocoon-system"
REPOSITORY = Path(__file__).resolve().parents[2]


@contextmanager
def bench_cluster(nodes: int, gpus: int) -> Iterator[ApiServer]:
    """An API server with our CRDs; etcd writes without fsync. Pods get addresses out of a network of their own."""
    network = f"127.{random.randint(65, 126)}.{random.randint(0, 15) * 16}.1/20"
    with tempfile.TemporaryDirectory(prefix="cocoon-bench-") as folder:
        flags = (f"--token-auth-file={token_file(Path(folder))}",)
        wishes = Wishes(nodes, gpus, GPU_RESOURCE, network, api_flags=flags)
        with api_server(wishes) as cluster:
            install(cluster)
            yield cluster


def install(cluster: ApiServer) -> None:
    """The CRDs, and the operator's namespace."""
    kube = cluster.kube()
    for path in sorted(CRDS.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        name = crd["metadata"]["name"]
        kube.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}", crd)
        listing = f"/apis/{crd['spec']['group']}/v1alpha1/{crd['spec']['names']['plural']}"
        until(lambda listing=listing: kube.find(listing) is not None, f"{name} being served")  # type: ignore[misc]  # mypy can't infer a lambda's defaults
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR_NAMESPACE}}
    kube.apply(f"/api/v1/namespaces/{OPERATOR_NAMESPACE}", namespace)


class FleetUnderTest:
    """The stub and the operator as processes of their own, ended with this object."""

    def __init__(self, cluster: ApiServer) -> None:
        self.cluster = cluster
        self._folder = tempfile.TemporaryDirectory(prefix="cocoon-bench-")
        state = State(Path(self._folder.name))
        state.make()
        self.processes = Processes(state, die_with_us=True)
        self.runner_port, self.control_port, self.metrics_port = tcp.free(3)

    def __enter__(self) -> Self:
        self.start_stub()
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("operator", "stub"):
            self.processes.stop(name, grace=5)
        self._folder.cleanup()

    def offer(self, providers: list[Json]) -> None:
        """Create the providers."""
        kube = self.cluster.kube()
        for provider in providers:
            kube.call("POST", PROVIDERS, provider)

    def start_stub(self) -> None:
        ports = [str(self.runner_port), str(self.control_port)]
        self._python("stub", "-m", "tests.bench.stub_runner", *access(self.cluster).arguments(), *ports)
        self.processes.until(lambda: not tcp.is_free(self.control_port), "stub", 30)

    def start_operator(self) -> None:
        """Start it and return at once."""
        flags = {
            "kubeconfig": access(self.cluster).kubeconfig(Path(self._folder.name)),
            "namespace": OPERATOR_NAMESPACE,
            "identity": "bench",
            "listen": "127.0.0.1",
            "port": self.metrics_port,
            "runner-port": self.runner_port,
        }
        given = [f"--{name}={value}" for name, value in flags.items()]
        self._python("operator", "-m", "cocoon.fleet", "--allow-test-roots", *given)

    def stop_operator(self) -> None:
        self.processes.stop("operator", grace=20)

    def pid(self, name: str) -> int:
        """Of "operator" or "stub". Raises RuntimeError if it has ended."""
        pid = self.processes.pid(name)
        if pid is None:
            raise RuntimeError(f"{name} has ended:\n{self.log(name)}")
        return pid

    def pids(self) -> dict[str, int]:
        """All processes that a run keeps busy."""
        server = {name: self.cluster.pid(name) for name in ("kube-apiserver", "etcd")}
        ours = {name: self.pid(name) for name in ("operator", "stub")}
        return ours | {name: pid for name, pid in server.items() if pid is not None}

    def log(self, name: str, lines: int = 40) -> str:
        """The end of what it wrote."""
        return "\n".join(self.processes.log(name).read_text(errors="replace").splitlines()[-lines:])

    def await_servers(self, count: int, seconds: float = 60) -> float:
        """Wait until the providers' statuses count that many ready servers; returns the seconds that it took."""
        kube, begun = self.cluster.kube(), time.monotonic()

        def ready() -> bool:
            self.pid("operator")
            found = kube.call("GET", PROVIDERS)["items"]
            counts: list[int] = [each.get("status", {}).get("servers", {}).get("ready", 0) for each in found]
            return sum(counts) >= count

        until(ready, f"{count} servers becoming ready", seconds)
        return time.monotonic() - begun

    async def progress(self, session: aiohttp.ClientSession) -> Progress:
        async with session.get(f"http://127.0.0.1:{self.control_port}/progress") as answer:
            return msgspec.json.decode(await answer.read(), type=Progress)

    async def observed(self) -> Observed:
        url = f"http://127.0.0.1:{self.control_port}/timings"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return msgspec.msgpack.decode(await answer.read(), type=Observed)

    def _python(self, name: str, *arguments: str) -> None:
        # Processes run in /, and only the distribution is installed there.
        self.processes.start(name, [sys.executable, *arguments], {"PYTHONPATH": python_path()})


def access(cluster: ApiServer) -> Access:
    """An administrator's."""
    return Access(cluster.url, str(cluster.ca))


def python_path() -> str:
    return f"{REPOSITORY}:{REPOSITORY / 'tools/devcluster'}"
