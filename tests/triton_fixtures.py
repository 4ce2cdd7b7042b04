"""A real tritonserver for tests: a process of this machine, on free ports, over a model repository of its own.

Take the fixture `triton` (one server for the whole test run) or `private_triton` (one for the test, which may kill it).
No model is loaded: tests do that. In the repository lie minilm and tinylm, which the image triton-cpu carries,
and echo and broken (tests/triton_models).
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagebuild import models, paths
from imagebuild.triton_host import Ports, program

TEST_MODELS = Path(__file__).parent / "triton_models"
START_SECONDS = 20.0


@dataclass
class TritonServer:
    """A running server. Its ports and its repository stay the same when it is started again."""

    model_repository: Path
    ports: Ports
    log: Path
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def grpc_url(self) -> str:
        """HOST:PORT, as tritonclient takes it."""
        return f"127.0.0.1:{self.ports.grpc}"

    @property
    def http_url(self) -> str:
        """HOST:PORT, as tritonclient takes it."""
        return f"127.0.0.1:{self.ports.http}"

    @property
    def metrics_url(self) -> str:
        """Where the server's own counters are."""
        return f"http://127.0.0.1:{self.ports.metrics}/metrics"

    def start(self) -> None:
        """Start the server; return when it takes calls."""
        regions = f"--backend-config=python,shm-region-prefix-name={self._regions()}"
        command = program(self.model_repository, self.ports, regions, *self.arguments)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command.arguments, env=command.environment, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_live(self.process)

    def kill(self) -> None:
        """End the server and its models at once, as a crash would, and remove what that leaves in /dev/shm."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        for region in Path("/dev/shm").glob(self._regions() + "*"):
            region.unlink(missing_ok=True)

    def restart(self) -> None:
        """Kill the server and start it again: on the same ports, with no model loaded."""
        self.kill()
        self.start()

    def _regions(self) -> str:
        return f"cocoon_test_{self.ports.grpc}_"

    def _wait_until_live(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        for port in (self.ports.grpc, self.ports.http, self.ports.metrics):
            while not _is_open(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"tritonserver did not start:\n{self.log.read_text()[-3000:]}")
                time.sleep(0.01)  # another process's start: there is nothing to wait on but its port


def prepare() -> None:
    """Make the server's environment and the real models, unless they are there: the first time takes half a minute."""
    if not models.ready():
        with paths.alone():
            models.environment()
            models.entries()


def add_model(name: str, repository: Path) -> Path:
    """Copy the entry of a model (minilm, tinylm, echo or broken) into a model repository; give where it lies."""
    source = TEST_MODELS / name
    shutil.copytree(source if source.exists() else models.entries() / name, repository / name)
    return repository / name


@contextmanager
def running_triton(folder: Path, *names: str, arguments: tuple[str, ...] = ()) -> Iterator[TritonServer]:
    """A server over a new repository below `folder` that holds these models, unloaded; `arguments` are more flags."""
    prepare()
    repository = folder / "models"
    repository.mkdir()
    for name in names:
        add_model(name, repository)
    server = TritonServer(repository, Ports(*_free_ports(3)), folder / "triton.log", arguments)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """One server for all tests: load what you need, unload what you loaded, don't kill it."""
    with running_triton(tmp_path_factory.mktemp("triton"), "minilm", "tinylm", "echo", "broken") as server:
        yield server


@pytest.fixture
def private_triton(tmp_path: Path) -> Iterator[TritonServer]:
    """A server of the test's own, with the models echo and broken: do with it what you like."""
    with running_triton(tmp_path, "echo", "broken") as server:
        yield server


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [item.getsockname()[1] for item in bound]


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
