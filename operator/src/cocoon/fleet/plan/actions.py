"""What a plan can ask for. Each action says on whom it acts; carrying it out twice does no harm.

Actions that destroy carry the uid they were planned for and are checked against the live object first.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cocoon.api.conditions import Condition
from cocoon.api.job import JobStatus
from cocoon.api.provider import ProviderStatus, TechnologySpec
from cocoon.api.runner import Finished
from cocoon.fleet.plan.records import Key, Uid


class WriteJobStatus(Struct, frozen=True):
    """Write a job's status by a PUT that fails if the job changed since `resource_version`."""

    job: Key
    uid: Uid
    resource_version: str
    status: JobStatus
    purpose: Literal["Bind", "Explain", "Unbind", "Fail", "Settle"]


class FinishJob(Struct, frozen=True):
    """Make an attempt's end durable: output ConfigMap, report to the payout service, then the status, in that order."""

    job: Key
    uid: Uid
    resource_version: str
    server: Key
    event: Finished


class ReportSettled(Struct, frozen=True):
    """Hand in the receipt that a finished job's status holds, then note in the status that it was taken."""

    job: Key
    uid: Uid
    resource_version: str


class ReportReceipt(Struct, frozen=True):
    """Hand a receipt to the payout service that no job's status waits for: its job is deleted, or was superseded."""

    server: Key
    server_uid: Uid
    event: Finished


class PushJob(Struct, frozen=True):
    """Give a bound job to its server's runner."""

    job: Key
    uid: Uid
    attempt: int
    server: Key
    server_uid: Uid


class CancelAttempt(Struct, frozen=True):
    """Stop an attempt; what is done is still receipted. `final` says that the job ends with it."""

    server: Key
    server_uid: Uid
    uid: Uid
    attempt: int
    final: bool
    reason: str


class AcknowledgeEvents(Struct, frozen=True):
    """Let a runner forget its events up to this number."""

    server: Key
    server_uid: Uid
    up_to: int


class ConfirmStanding(Struct, frozen=True):
    """Tell a runner that lost contact which of its attempts (`uid/attempt`) still stand."""

    server: Key
    server_uid: Uid
    attempts: tuple[str, ...]


class LoadModel(Struct, frozen=True):
    """Have a server's runner fetch, check and load its model."""

    server: Key
    server_uid: Uid
    provider: Key
    model: str


class AttestServer(Struct, frozen=True):
    """Ask a server's runner for evidence and verify it."""

    server: Key
    server_uid: Uid
    provider: Key


class CreateServer(Struct, frozen=True):
    """Create a server Pod on a node. The name is made from `ordinal`, so that doing it twice makes one Pod."""

    provider: Key
    provider_uid: Uid
    model: str
    template: str
    node: str
    technology: TechnologySpec
    name: str
    isolated_for: str = ""


class DeleteServer(Struct, frozen=True):
    """Delete a server Pod that has nothing left to do or say."""

    server: Key
    uid: Uid
    reason: str
    message: str


class SetServerCondition(Struct, frozen=True):
    """Write one condition of a server Pod."""

    server: Key
    uid: Uid
    condition: Condition


class WriteProviderStatus(Struct, frozen=True):
    """Write a provider's status by a PUT that fails if the provider changed since `resource_version`."""

    provider: Key
    uid: Uid
    resource_version: str
    status: ProviderStatus


class SetFinalizer(Struct, frozen=True):
    """Add our finalizer to a provider, or take it away."""

    provider: Key
    uid: Uid
    resource_version: str
    present: bool


class ApplyChildren(Struct, frozen=True):
    """Apply a provider's NetworkPolicy and PodDisruptionBudgets, once per `digest` of what they are made from."""

    provider: Key
    digest: str


class DeleteJob(Struct, frozen=True):
    """Delete a finished and reported job whose time to live is over."""

    job: Key
    uid: Uid
    resource_version: str


Action = (
    WriteJobStatus
    | FinishJob
    | ReportSettled
    | ReportReceipt
    | PushJob
    | CancelAttempt
    | AcknowledgeEvents
    | ConfirmStanding
    | LoadModel
    | AttestServer
    | CreateServer
    | DeleteServer
    | SetServerCondition
    | WriteProviderStatus
    | SetFinalizer
    | ApplyChildren
    | DeleteJob
)
