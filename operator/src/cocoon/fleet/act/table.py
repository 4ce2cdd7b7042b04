"""Which function carries out which action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cocoon.api.resources import JOB, POD, PROVIDER
from cocoon.fleet.act import attest, finish, jobs, providers, push, runners, servers
from cocoon.fleet.act.means import Means
from cocoon.fleet.plan import actions
from cocoon.fleet.plan.actions import Action

Deed = Callable[[Any, Means], Awaitable[None]]

DEEDS: Final[Mapping[type, Deed]] = {
    actions.WriteJobStatus: jobs.write_job_status,
    actions.FinishJob: finish.finish_job,
    actions.ReportSettled: finish.report_settled,
    actions.ReportReceipt: finish.report_receipt,
    actions.PushJob: push.push_job,
    actions.CancelAttempt: runners.cancel_attempt,
    actions.AcknowledgeEvents: runners.acknowledge_events,
    actions.ConfirmStanding: runners.confirm_standing,
    actions.LoadModel: runners.load_model,
    actions.AttestServer: attest.attest_server,
    actions.CreateServer: servers.create_server,
    actions.DeleteServer: servers.delete_server,
    actions.SetServerCondition: servers.set_server_condition,
    actions.WriteProviderStatus: providers.write_provider_status,
    actions.SetFinalizer: providers.set_finalizer,
    actions.ApplyChildren: providers.apply_children,
    actions.DeleteJob: jobs.delete_job,
}


async def read_again(action: Action, means: Means) -> None:
    """Learn what is true now of what an action was about, after it turned out to be something else."""
    from_cluster = (
        (JOB, getattr(action, "job", None)),
        (PROVIDER, getattr(action, "provider", None)),
        (POD, getattr(action, "server", None)),
    )
    for resource, key in from_cluster:
        if key is not None:
            await means.mirror.reread(means.cluster, resource, key)
