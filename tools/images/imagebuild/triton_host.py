"""A real tritonserver as a process of the host, for tests without containers: CPU, python backend, ports on 127.0.0.1.

The server is the one that the wheel nvidia-pytriton bundles: the same as in the image triton-cpu.
"""

import os
import shutil
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from imagebuild import host, models

FLAGS = (
    "--model-control-mode=explicit",
    "--strict-readiness=false",
    "--exit-on-error=false",
    "--disable-auto-complete-config",
    "--allow-gpu-metrics=false",
    "--http-address=127.0.0.1",
    "--grpc-address=127.0.0.1",
    "--metrics-address=127.0.0.1",
    "--grpc-max-connection-age=600000",
    "--grpc-max-connection-age-grace=5000",
    "--exit-timeout-secs=5",
)


@dataclass(frozen=True)
class Ports:
    """The three ports of a server on 127.0.0.1."""

    http: int
    grpc: int
    metrics: int


@dataclass(frozen=True)
class Program:
    """How to start a server: its arguments and its environment."""

    arguments: list[str]
    environment: dict[str, str] = field(repr=False)


def program(repository: Path, ports: Ports, *more: str) -> Program:
    """How to start a server over the model repository `repository`, with further arguments of tritonserver.

    Makes the environment on the first call (about half a minute), then takes milliseconds.
    """
    environment = models.environment()
    server = _server(environment)
    arguments = [str(server / "bin" / "tritonserver"), f"--model-repository={repository}", *FLAGS]
    arguments += [f"--backend-directory={server / 'backends'}", f"--cache-directory={server / 'caches'}"]
    arguments += [f"--http-port={ports.http}", f"--grpc-port={ports.grpc}", f"--metrics-port={ports.metrics}", *more]
    # The python backend's stub runs Python isolated and finds the virtual environment through PATH alone.
    search = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return Program(arguments, {**os.environ, "PATH": search, **_library()})


def _server(environment: Path) -> Path:
    """The wheel's server, set up as images/triton-cpu/Dockerfile does, where the reasons stand."""
    version = "{}.{}".format(*host.PYTHON)
    packages = environment / "lib" / f"python{version}" / "site-packages"
    (packages / "no_bytecode.pth").write_text("import sys; sys.dont_write_bytecode = True\n")
    server = packages / "pytriton" / "tritonserver"
    stub = server / "backends" / "python" / "triton_python_backend_stub"
    if not stub.exists():
        shutil.copy2(server / "python_backend_stubs" / version / stub.name, stub.with_suffix(".new"))
        stub.with_suffix(".new").rename(stub)
    return server


def _library() -> dict[str, str]:
    """Where libpython lies, for a Python that is not the system's."""
    folder = Path(sysconfig.get_config_var("LIBDIR") or "")
    if Path("/usr/bin/python3.11").exists() or not (folder / "libpython3.11.so.1.0").exists():
        return {}
    return {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("LD_LIBRARY_PATH")]))}
