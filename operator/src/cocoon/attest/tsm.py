"""A CPU's report from configfs-tsm, the kernel's one interface for TDX and SEV-SNP guests (Linux 6.7 and later).

A folder made below /sys/kernel/config/tsm/report is a request: 64 bytes go into `inblob`, the report comes out of
`outblob`, and on SNP the host's certificates out of `auxblob`. What the kernel does, and what is done about it here:

* The write takes effect when the file is closed, and its error is lost. Only `generation` shows it: it must have risen
  by exactly one. So it also shows when somebody else writes to the same request, before or after the report is read.
* Reads answer EBUSY while an earlier TDX quote is on its way through the host, and EINTR or ETIMEDOUT when that is
  slow. These are the kernel's "not now": asked again a few times, with growing pauses.
* ENXIO or ENODEV means that the guest has no such device; EINVAL that the kernel wanted another size.

Sources: Documentation/ABI/testing/configfs-tsm-report, drivers/virt/coco/guest/report.c.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from cocoon.api.evidence import Tee
from cocoon.attest import certificate_table

ROOT: Final = Path("/sys/kernel/config/tsm/report")
REPORT_DATA_BYTES: Final = 64
_PROVIDERS: Final[dict[str, Tee]] = {"tdx_guest": "tdx", "sev_guest": "snp"}
_NOT_NOW: Final = frozenset({errno.EBUSY, errno.EINTR, errno.ETIMEDOUT, errno.EAGAIN})
_PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.6)


class TeeFailure(OSError):
    """The TEE's device is not there or does not answer; the message is a sentence that says what to do."""


class CpuReport(Struct, frozen=True):
    """A report and the certificates that the host added to it (PEM; empty if it added none)."""

    tee: Tee
    report: bytes
    endorsements: bytes = b""


class Files(Protocol):
    """The few things that configfs can do. All raise OSError."""

    def make(self, folder: Path) -> None:
        """mkdir: the kernel fills the folder."""

    def remove(self, folder: Path) -> None:
        """rmdir: the kernel empties it."""

    def exists(self, path: Path) -> bool:
        """Whether there is a file or folder."""

    def read(self, path: Path) -> bytes:
        """The whole content."""

    def write(self, path: Path, content: bytes) -> None:
        """One open, one write, one close; no truncation and no seeking."""


class KernelFiles:
    """The real ones."""

    def make(self, folder: Path) -> None:
        """See Files."""
        folder.mkdir()

    def remove(self, folder: Path) -> None:
        """See Files."""
        folder.rmdir()

    def exists(self, path: Path) -> bool:
        """See Files."""
        return path.exists()

    def read(self, path: Path) -> bytes:
        """See Files."""
        return path.read_bytes()

    def write(self, path: Path, content: bytes) -> None:
        """See Files."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(descriptor, content) != len(content):
                raise OSError(errno.EIO, "a short write")
        finally:
            os.close(descriptor)


class Tsm:
    """Asks the kernel for reports."""

    def __init__(self, root: Path = ROOT, files: Files | None = None, pauses: tuple[float, ...] = _PAUSES) -> None:
        self._root = root
        self._files = files or KernelFiles()
        self._pauses = pauses

    def is_there(self) -> bool:
        """Whether this machine is a guest with configfs-tsm."""
        return self._files.exists(self._root)

    async def report(self, data: bytes) -> CpuReport:
        """A report about these 64 bytes. Raises TeeFailure."""
        if len(data) != REPORT_DATA_BYTES:
            raise TeeFailure(f"Report data must have {REPORT_DATA_BYTES} bytes, not {len(data)}.")
        for pause in (*self._pauses, None):
            try:
                return await asyncio.to_thread(self._ask, data)  # the kernel waits for the host: up to a second
            except TeeFailure:
                raise
            except OSError as error:
                if error.errno not in _NOT_NOW or pause is None:
                    raise TeeFailure(_advice(error, self._root)) from error
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _ask(self, data: bytes) -> CpuReport:
        request = self._root / f"cocoon-{os.getpid()}-{os.urandom(6).hex()}"
        self._files.make(request)
        try:
            return self._filled(request, data)
        finally:
            with suppress(OSError):  # the report counts, not the folder that was its request
                self._files.remove(request)

    def _filled(self, request: Path, data: bytes) -> CpuReport:
        provider = self._files.read(request / "provider").decode("ascii", "replace").strip()
        tee = _PROVIDERS.get(provider)
        if tee is None:
            raise TeeFailure(f"This guest's TEE is {provider[:40]!r}; TDX and SEV-SNP guests are supported.")
        before = self._generation(request)
        self._files.write(request / "inblob", data)
        self._expect(request, before + 1)
        report = self._files.read(request / "outblob")
        table = request / "auxblob"
        added = self._files.read(table) if self._files.exists(table) else b""
        self._expect(request, before + 1)
        if not report:
            raise TeeFailure("The kernel gave an empty report; look at the guest's kernel log.")
        return CpuReport(tee, report, certificate_table.to_pem(added) if tee == "snp" else b"")

    def _generation(self, request: Path) -> int:
        return int(self._files.read(request / "generation"))

    def _expect(self, request: Path, generation: int) -> None:
        if self._generation(request) != generation:
            raise OSError(errno.EBUSY, "the write was lost, or somebody else wrote")


def _advice(error: OSError, root: Path) -> str:
    """What to do about an errno."""
    name = errno.errorcode.get(error.errno or 0, "an unknown error")
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
        return f"There is no TEE at {root} ({name}): run in a TDX or SEV-SNP guest with configfs mounted there."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The TEE at {root} may not be used ({name}): mount configfs into this container, writable."
    if error.errno in _NOT_NOW:
        return f"The TEE at {root} is still busy ({name}); look at the quote service of the host."
    return f"The TEE at {root} failed ({name}); look at the guest's kernel log."
