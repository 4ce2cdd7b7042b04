"""The real operator in a process that starts quickly and is ended by SIGKILL.

Importing takes an operator a second. A fork server has done that once; each life is a fork of it.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from cocoon.fleet.act import table
from cocoon.fleet.act.finish import finish_job
from cocoon.fleet.act.means import Means
from cocoon.fleet.logs import set_up
from cocoon.fleet.plan import reporting
from cocoon.fleet.plan.actions import FinishJob
from cocoon.fleet.plan.records import RunnerView, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.run import run
from cocoon.fleet.settings import read_settings

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
_PR_SET_PDEATHSIG: Final = 1


def live(flags: list[str], log: Path, *, careless: bool) -> None:
    """One life, in a process of its own, which ends with its parent."""
    if careless:
        be_careless()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    set_up("text", "INFO")
    asyncio.run(run(read_settings(flags, {})))


def be_careless() -> None:
    """Let runners forget what is not durable yet, and take half a second to make it so: what the trials must catch."""

    async def finish_late(action: FinishJob, means: Means) -> None:
        await asyncio.sleep(0.5)
        await finish_job(action, means)

    def forget_all(snapshot: Snapshot, server: Server, view: RunnerView) -> int:
        return view.finished[-1].number

    reporting.forgettable = forget_all
    table.DEEDS = {**table.DEEDS, FinishJob: finish_late}  # type: ignore[misc]  # it is final for everybody else


class Mortal:
    """Lives one after the other, with the same settings and one log."""

    def __init__(self, flags: list[str], log: Path) -> None:
        self.log = log
        self.careless = False
        self._flags = flags
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Begin a life."""
        self._process = _CONTEXT.Process(
            target=live, args=(self._flags, self.log), kwargs={"careless": self.careless}, daemon=True
        )
        self._process.start()

    def kill(self) -> None:
        """End it as a power failure would. Raises RuntimeError if it ended by itself, which it never may."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.exitcode is not None:
            raise RuntimeError(f"The operator ended by itself ({process.exitcode}):\n{self.log.read_text()[-3000:]}")
        process.kill()
        process.join()
        process.close()
