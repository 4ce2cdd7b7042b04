"""A port of a Pod on this machine, by way of the API server: `kubectl port-forward`, which any administrator can do."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from demo.errors import DemoError
from demo.kubectl import Kubectl


@contextmanager
def tunnel(kubectl: Kubectl, target: str, port: int) -> Iterator[int]:
    """The local port (on 127.0.0.1) that leads to `target`, such as pod/NAME or service/NAME. Raises DemoError."""
    base = (kubectl.program, f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={kubectl.namespace}")
    command = (*base, "port-forward", "--address=127.0.0.1", target, f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _port(process, target)
        finally:
            process.terminate()


def _port(process: "subprocess.Popen[str]", target: str) -> int:
    if process.stdout is None or process.stderr is None:
        raise ValueError("its output is not captured")
    found = re.search(r"127\.0\.0\.1:(\d+) ->", process.stdout.readline())
    if found is None:
        raise DemoError(f"`kubectl port-forward {target}` failed: {process.stderr.read().strip()}")
    return int(found[1])
