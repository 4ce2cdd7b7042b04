"""The real operator behind adapters that kill its process right after a chosen call.

    CRASH_AT="VERB SUBJECT" CRASHED=FILE python -m tests.api.operator.killed_operator FLAGS

The call is the first whose verb and subject (`Kind/name/state`, or `uid/attempt` for a push) begin with the words of
CRASH_AT. FILE is made before the process kills itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from cocoon.api.resources import Manifest
from cocoon.api.runner import JobAssignment, JobProgress
from cocoon.fleet.logs import set_up
from cocoon.fleet.ports.kubernetes_cluster import KubernetesCluster
from cocoon.fleet.ports.resources import Ref
from cocoon.fleet.ports.runner_servers import RunnerServers
from cocoon.fleet.ports.servers import Place
from cocoon.fleet.run import Adapters, run
from cocoon.fleet.settings import read_settings


def _reached(verb: str, subject: str) -> None:
    wanted_verb, _, wanted_subject = os.environ["CRASH_AT"].partition(" ")
    if verb == wanted_verb and subject.startswith(wanted_subject):
        Path(os.environ["CRASHED"]).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _subject(body: Manifest) -> str:
    return f"{body['kind']}/{body['metadata']['name']}/{(body.get('status') or {}).get('state', '')}"


class KilledCluster(KubernetesCluster):
    """Ends the process after a write that was answered."""

    async def create(self, manifest: Manifest) -> Manifest:
        body = await super().create(manifest)
        _reached("create", _subject(body))
        return body

    async def write_status(self, ref: Ref, uid: str, resource_version: str, status: Any) -> Manifest:
        body = await super().write_status(ref, uid, resource_version, status)
        _reached("update_status", _subject(body))
        return body


class KilledServers(RunnerServers):
    """Ends the process after a push that was answered."""

    async def push(self, place: Place, job: JobAssignment) -> JobProgress:
        progress = await super().push(place, job)
        _reached("push", job.name)
        return progress


if __name__ == "__main__":
    set_up("text", "INFO")
    asyncio.run(run(read_settings(sys.argv[1:], os.environ), Adapters(KilledCluster, KilledServers)))
