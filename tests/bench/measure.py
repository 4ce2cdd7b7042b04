"""What a run costs: CPU and memory of each process, and requests by verb as the API server counts them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from devcluster.kube import Kube

_REQUEST = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WRITES = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})


@dataclass(frozen=True)
class Request:
    """What was asked of the API server, as its own metrics name it."""

    verb: str
    resource: str
    subresource: str

    @property
    def writes(self) -> bool:
        return self.verb in _WRITES

    def __str__(self) -> str:
        return f"{self.verb} {'/'.join(part for part in (self.resource, self.subresource) if part)}"


def requests(kube: Kube) -> Counter[Request]:
    """How many requests of each kind the API server has served since its start, failed ones too."""
    found: Counter[Request] = Counter()
    for line in kube.call("GET", "/metrics")["text"].splitlines():
        match = _REQUEST.match(line)
        if match:
            labels = dict(_LABEL.findall(match[1]))
            found[Request(labels["verb"], labels["resource"], labels["subresource"])] += int(float(match[2]))
    return found


@dataclass(frozen=True)
class Spent:
    """CPU seconds that a process has used since its start."""

    seconds: float

    @classmethod
    def by(cls, pid: int) -> Spent:
        times = psutil.Process(pid).cpu_times()
        return cls(times.user + times.system)


class Watched:
    """The processes of a run by name, and what they have used since this object was made."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = {name: Spent.by(pid) for name, pid in self._pids.items()}

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each."""
        return {name: Spent.by(pid).seconds - self._before[name].seconds for name, pid in self._pids.items()}


def peak_memory(pid: int) -> float:
    """The most memory that the process ever had resident, in MiB (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def busy_cores() -> float:
    """The machine's load over the last minute: runs that share it with other work are not comparable."""
    return psutil.getloadavg()[0]
