"""Statuses and ends of jobs: the first of a job's two writes, and all the rare ones."""

from __future__ import annotations

from cocoon.api.resources import JOB, POD
from cocoon.fleet.act.means import Means
from cocoon.fleet.act.push import push
from cocoon.fleet.act.wire import job_status
from cocoon.fleet.plan.actions import DeleteJob, PushJob, WriteJobStatus
from cocoon.fleet.plan.records import Uid
from cocoon.fleet.ports.failures import Failure, Gone
from cocoon.fleet.ports.resources import ref_of_key


async def write_job_status(action: WriteJobStatus, means: Means) -> None:
    """Write the status; a bound job is pushed at once, since the answer holds its input."""
    if action.purpose == "Unbind":
        await _is_over(action, means)
    status = job_status(action.status)
    body = await means.cluster.write_status(ref_of_key(JOB, action.job), action.uid, action.resource_version, status)
    means.mirror.take(JOB, body)
    binding = action.status.binding
    if action.purpose == "Bind" and binding is not None:
        wish = PushJob(action.job, action.uid, binding.attempt, binding.server, Uid(binding.server_uid))  # type: ignore[arg-type]  # a binding's server is a key on the wire
        try:
            await push(wish, body, means)
        except Failure:
            return  # the bind is durable; the next round pushes


async def _is_over(action: WriteJobStatus, means: Means) -> None:
    """Look again at a server that seems to be gone. Raises Gone if its Pod is there after all."""
    binding = means.job(action.job, action.uid).status.binding
    if binding is None or binding.server_uid in means.mirror.snapshot.server_keys:
        return
    body = await means.mirror.reread(means.cluster, POD, binding.server)
    if body is not None and body["metadata"]["uid"] == binding.server_uid:
        raise Gone(f"The server {binding.server} is there after all.")


async def delete_job(action: DeleteJob, means: Means) -> None:
    """Delete a job whose time is over, unless somebody changed it since."""
    await means.cluster.delete(ref_of_key(JOB, action.job), action.uid, action.resource_version)
