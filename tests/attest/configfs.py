"""A configfs that behaves as the kernel's: requests in folders, lost writes, busy devices, racing writers."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path("/fake/tsm/report")


class FakeConfigfs:
    """The files of configfs-tsm. `sign` makes a report of 64 bytes; the lists say what goes wrong, in order."""

    def __init__(self, provider: str, sign: Callable[[bytes], bytes], table: bytes | None = None) -> None:
        self.provider, self.sign, self.table = provider, sign, table
        self.requests: dict[Path, dict[str, bytes]] = {}
        self.generations: Counter[Path] = Counter()
        self.there = True
        self.lost_writes = 0
        """So many writes are dropped when their file is closed, without an error."""
        self.busy_reads: list[int] = []
        """Error numbers of the next reads of a report."""
        self.intruders = 0
        """So many reports are read while somebody else writes to their request."""

    def make(self, folder: Path) -> None:
        if not self.there:
            raise OSError(errno.ENOENT, "no such folder", str(folder))
        assert folder.parent == ROOT
        assert folder not in self.requests
        self.requests[folder] = {}

    def remove(self, folder: Path) -> None:
        del self.requests[folder]

    def exists(self, path: Path) -> bool:
        return self.there and (path == ROOT or (path.name == "auxblob" and self.table is not None))

    def write(self, path: Path, content: bytes) -> None:
        assert path.name == "inblob"
        if self.lost_writes:
            self.lost_writes -= 1
        elif len(content) == 64:
            self.requests[path.parent]["inblob"] = content
            self.generations[path.parent] += 1

    def read(self, path: Path) -> bytes:
        request = self.requests[path.parent]
        if path.name == "provider":
            return f"{self.provider}\n".encode()
        if path.name == "generation":
            return f"{self.generations[path.parent]}\n".encode()
        if path.name == "auxblob":
            return self.table or b""
        return self._outblob(path, request)

    def _outblob(self, path: Path, request: dict[str, bytes]) -> bytes:
        if self.busy_reads:
            raise OSError(self.busy_reads.pop(0), "not now", str(path))
        if "inblob" not in request:
            raise OSError(errno.EINVAL, "nothing was written", str(path))
        report = self.sign(request["inblob"])
        if self.intruders:
            self.intruders -= 1
            self.generations[path.parent] += 1
        return report
