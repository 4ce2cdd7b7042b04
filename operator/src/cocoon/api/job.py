"""InferenceJob: one client's work for one model (crds/inferencejobs.yaml)."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from cocoon.api.conditions import Condition
from cocoon.api.metadata import ObjectMeta
from cocoon.api.money import Price, Usage
from cocoon.api.trust import Trust

State = Literal["Pending", "Running", "Succeeded", "Failed"]
ItemErrors = Literal["Continue", "Fail"]


class ProviderReference(Struct, frozen=True, omit_defaults=True):
    """A provider that the client allows; without a namespace it is looked for in the job's own."""

    name: str
    namespace: str | None = None


class JobInput(Struct, frozen=True, omit_defaults=True):
    """Exactly one of `inline` (JSON Lines, at most 32 KiB) or `uri` with `sha256`."""

    inline: str | None = None
    uri: str | None = None
    sha256: str | None = None
    sealed: bool = False


class ConfigMapOutput(Struct, frozen=True):
    """The answers go to the ConfigMap `JOB-output`, at most 512 KiB."""


class JobOutput(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Exactly one of `config_map` or `uri` (a presigned PUT); sealed to `seal_to` if that is set."""

    config_map: ConfigMapOutput | None = None
    uri: str | None = None
    seal_to: str | None = None


class JobSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the client wants done. Immutable but for `suspend`, `priority` and `deadline`."""

    model: str
    input: JobInput
    output: JobOutput = field(default_factory=lambda: JobOutput(config_map=ConfigMapOutput()))
    model_sha256: str | None = field(default=None, name="modelSHA256")
    providers: tuple[ProviderReference, ...] = ()
    minimum_trust: Trust = Trust.HARDWARE
    maximum_price: Price | None = None
    budget: str | None = None
    parallelism: int = 1
    priority: int = 0
    deadline: str | None = None
    attempts: int = 3
    item_errors: ItemErrors = "Continue"
    suspend: bool = False
    ttl_seconds_after_finished: int | None = None


class Binding(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which server gets the job, at which price. `provider` and `server` are `namespace/name`."""

    provider: str
    server: str
    attempt: int
    price: Price
    bound_at: str
    server_uid: str = field(default="", name="serverUID")


class OutputStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the answers are. `uri` is without its query, which is a credential."""

    config_map: str | None = None
    uri: str | None = None
    sha256: str = ""
    bytes: int = 0


class AttemptStatus(Struct, frozen=True, omit_defaults=True):
    """An earlier attempt and why it ended. `free` ones were cancelled by us and don't count against the job."""

    number: int
    server: str
    reason: str
    free: bool = False


class JobStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of it. `cost` is a decimal string of nanoTON, `receipt` a compact JWS."""

    state: State = "Pending"
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    binding: Binding | None = None
    usage: Usage | None = None
    cost: str | None = None
    receipt: str | None = None
    output: OutputStatus | None = None
    start_time: str | None = None
    completion_time: str | None = None
    attempts: tuple[AttemptStatus, ...] = ()


class InferenceJob(Struct, frozen=True, omit_defaults=True):
    """The object as the API server stores it."""

    metadata: ObjectMeta
    spec: JobSpec
    status: JobStatus = field(default_factory=JobStatus)
