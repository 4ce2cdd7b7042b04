"""Whether this machine can run the demo, said before anything takes long."""

import os
import shutil
import sys
from pathlib import Path

from demo.errors import DemoError

FREE_BYTES = 15 * 10**9
MEMORY_BYTES = 6 * 10**9


def require() -> None:
    """Raises DemoError with what is missing and what to do about it."""
    if sys.platform != "linux":
        raise DemoError(f"The demo runs a Kubernetes node and needs Linux; this is {sys.platform}. Use a Linux VM.")
    if os.geteuid() != 0:
        raise DemoError("The demo runs containers and needs root.", "sudo make demo")
    if shutil.which("apt-get") is None:
        raise DemoError("The demo installs what it needs with apt-get, which is not here. Use Debian 12 or its like.")
    _require_room()


def _require_room() -> None:
    free = shutil.disk_usage(Path.home()).free
    if free < FREE_BYTES:
        raise DemoError(f"{Path.home()} has {free / 1e9:.0f} GB free; the demo needs {FREE_BYTES / 1e9:.0f} GB.")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if memory < MEMORY_BYTES:
        raise DemoError(
            f"This machine has {memory / 1e9:.0f} GB of memory; the demo needs {MEMORY_BYTES / 1e9:.0f} GB."
        )
