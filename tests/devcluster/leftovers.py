"""What a cluster could leave behind on the machine."""

import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

from devcluster import paths

EMPTY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Leftovers:
    """Names of things that exist; processes only where they belong to some cluster of ours."""

    mounts: frozenset[str] = EMPTY
    interfaces: frozenset[str] = EMPTY
    tables: frozenset[str] = EMPTY
    cgroups: frozenset[str] = EMPTY
    namespaces: frozenset[str] = EMPTY
    settings: frozenset[str] = EMPTY
    processes: frozenset[str] = EMPTY

    @classmethod
    def now(cls) -> "Leftovers":
        mounts = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
        interfaces = Path("/proc/net/dev").read_text().splitlines()[2:]
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
        forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
        return cls(
            mounts=frozenset(mounts),
            interfaces=frozenset(line.split(":")[0].strip() for line in interfaces),
            tables=frozenset(tables.splitlines()),
            cgroups=frozenset(str(path) for path in Path("/sys/fs/cgroup").rglob("*/")),
            namespaces=frozenset(path.name for path in Path("/run/netns").glob("*")),
            settings=frozenset({f"ip_forward {forwarding}"}),
            processes=frozenset(_ours()),
        )

    def beyond(self, before: "Leftovers") -> "Leftovers":
        """What is here now and was not then."""
        return Leftovers(**{each.name: getattr(self, each.name) - getattr(before, each.name) for each in fields(self)})


def _ours() -> set[str]:
    """Processes started out of a cluster's folder, or in one of its containers."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text().replace("\0", " ")
            group = (process / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(paths.state_root()) in command or "/kubepods" in group:
            found.add(f"{process.name} {command}")
    return found
