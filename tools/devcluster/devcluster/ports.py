"""TCP ports: finding free ones, and saying who holds one that is taken."""

import random
import socket
from pathlib import Path

from devcluster.errors import DevclusterError

# Below Linux's ephemeral range (32768-60999): no outgoing connection takes the port while a server restarts.
_RANGE = range(20_000, 32_000)
_LISTEN = "0A"


def free(count: int, address: str = "127.0.0.1") -> list[int]:
    """`count` different ports on which nothing listens now."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            return found
        if is_free(port, address):
            found.append(port)
    raise DevclusterError(f"No {count} free TCP ports between {_RANGE.start} and {_RANGE.stop}: end some servers.")


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def require(port: int, purpose: str, remedy: str, address: str) -> None:
    """Refuse a taken port, naming its holder and `remedy`."""
    if not is_free(port, address):
        raise DevclusterError(f"Port {port}, needed by {purpose}, is taken by {holder(port)}: {remedy}.")


def holder(port: int) -> str:
    """Such as "etcd (pid 12)", or "an unknown process" where /proc does not tell."""
    sockets = _listening_inodes(port)
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(fd.readlink())
        except OSError:
            continue
        if target in sockets:
            pid = fd.parts[2]
            return f"{Path('/proc', pid, 'comm').read_text().strip()} (pid {pid})"
    return "an unknown process"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes
