"""CocoonProvider: one owner's offer of nodes, models, prices and a wallet (crds/cocoonproviders.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from cocoon.api.conditions import Condition
from cocoon.api.metadata import ObjectMeta
from cocoon.api.money import Price
from cocoon.api.selectors import LabelSelector
from cocoon.api.trust import Trust

Operation = Literal["Serve", "Hold", "Drain"]
Isolation = Literal["Shared", "PerNamespace"]
MeterUnit = Literal["Items", "Tokens"]
#: `Development` is a plain container that makes its own evidence, for trust Test only.
Technology = Literal["TDX", "SEV-SNP", "Development"]
#: How GPUs work together, in NVIDIA's words: alone, as several with encrypted NVLink (Blackwell), or as several with
#: NVLink in the clear and the switches inside the trust boundary (protected PCIe, Hopper).
GpuMode = Literal["SPT", "MPT", "PPCIE"]
TcbStatus = Literal[
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
]


class Wallet(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the owner is paid; amounts are decimal strings of nanoTON."""

    address: str
    minimum_payout: str = "10000000000"
    maximum_payout_delay: str = "24h"


class Toleration(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A Pod toleration, as in core/v1."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


class Nodes(Struct, frozen=True, omit_defaults=True):
    """Which nodes are offered, and how many of their GPUs at most."""

    selector: LabelSelector = field(default_factory=LabelSelector)
    tolerations: tuple[Toleration, ...] = ()
    maximum_gpus: int | None = field(default=None, name="maxGPUs")


class TechnologySpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a server is started on one kind of confidential node; an empty runtime class is the cluster's default."""

    name: Technology
    runtime_class_name: str = ""
    gpu_resource: str = "nvidia.com/pgpu"
    node_selector: Mapping[str, str] = field(default_factory=dict)


class Measurement(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Golden values of one accepted guest, hex: `mr_td`, `rtmrs` and `mr_config_id` are TDX's, the others SEV-SNP's."""

    mr_td: str | None = None
    rtmrs: tuple[str, ...] = ()
    mr_config_id: str | None = None
    launch_measurement: str | None = None
    host_data: str | None = None


class GpuPolicy(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the own evidence of GPUs, and of NVSwitches between them, must show."""

    minimum_driver_version: str | None = None
    minimum_vbios_version: str | None = None
    minimum_switch_bios_version: str | None = None
    allowed_architectures: tuple[str, ...] = ()
    allowed_modes: tuple[GpuMode, ...] = ("SPT", "MPT")


class AmdTcb(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Lowest accepted security patch levels of one AMD product line; `fmc` exists on Turin only."""

    product: Literal["Milan", "Genoa", "Turin"]
    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0


class AttestationPolicy(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What evidence must show before a server is trusted; an empty list of measurements allows none in production."""

    minimum_tcb_date: str | None = None
    allowed_tcb_statuses: tuple[TcbStatus, ...] = ("UpToDate",)
    minimum_tcb_evaluation: int = 0
    rejected_advisories: tuple[str, ...] = ()
    minimum_amd_tcb: tuple[AmdTcb, ...] = ()
    platform_ids: tuple[str, ...] = ()
    require_revocation_check: bool = True
    measurements: tuple[Measurement, ...] = ()
    gpu: GpuPolicy = field(default_factory=GpuPolicy)


class Confidential(Struct, frozen=True, omit_defaults=True):
    """The provider's terms of confidentiality."""

    technologies: tuple[TechnologySpec, ...] = ()
    trust: Trust = Trust.HARDWARE
    require_gpu: bool = field(default=True, name="requireGPU")
    reattest_every: str = field(default="1h", name="reattestEvery")
    policy: AttestationPolicy = field(default_factory=AttestationPolicy)


class SecretReference(Struct, frozen=True):
    """A Secret in the provider's namespace."""

    name: str


class ModelSource(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Exactly one of `uri` (of a tar), `claim_name` with `path` (of a folder or tar), or `image` (with the folder)."""

    uri: str | None = None
    credentials_secret: str | None = None
    claim_name: str | None = None
    path: str | None = None
    image: str | None = None


class ServerRange(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How many servers of a model run, and how long an unused one stays."""

    minimum: int = 0
    maximum: int = 1
    idle_timeout: str = "10m"


class Meter(Struct, frozen=True, omit_defaults=True):
    """What is counted; `tokenizer` is a path inside the model's directory, in the format of `tokenizers`."""

    unit: MeterUnit = "Items"
    tokenizer: str | None = None


class ModelSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One model on offer. `sha256` is of its deterministic tar (docs/reference/model-archive.md)."""

    name: str
    source: ModelSource
    sha256: str
    price: Price
    gpus: int = 1
    max_concurrency: int = 32
    servers: ServerRange = field(default_factory=ServerRange)
    meter: Meter = field(default_factory=Meter)
    isolation: Isolation = "Shared"


class AllowedNamespaces(Struct, frozen=True, omit_defaults=True):
    """Whose jobs are taken. `Selector` looks at the labels of the job's Namespace."""

    origin: Literal["Same", "All", "Selector"] = field(default="Same", name="from")
    selector: LabelSelector = field(default_factory=LabelSelector)


class TritonSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The Triton container; `resources` is core/v1 ResourceRequirements, GPUs are added to it."""

    image: str = "nvcr.io/nvidia/tritonserver:26.11-py3"
    args: tuple[str, ...] = ()
    resources: Mapping[Literal["limits", "requests"], Mapping[str, str | int]] = field(default_factory=dict)
    shared_memory: str = "1Gi"


class Proxy(Struct, frozen=True, rename="camel", omit_defaults=True):
    """HTTP proxy of the runner for model downloads, inputs and outputs."""

    https_proxy: str | None = None
    no_proxy: str | None = None


class ProviderSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the owner wants."""

    wallet: Wallet
    models: tuple[ModelSpec, ...]
    nodes: Nodes = field(default_factory=Nodes)
    confidential: Confidential = field(default_factory=Confidential)
    allowed_namespaces: AllowedNamespaces = field(default_factory=AllowedNamespaces)
    triton: TritonSpec = field(default_factory=TritonSpec)
    operation: Operation = "Serve"
    drain_timeout: str = "30m"
    image_pull_secrets: tuple[SecretReference, ...] = ()
    ca_bundle: str | None = None
    proxy: Proxy | None = None


class Capacity(Struct, frozen=True, rename="camel"):
    """Offered nodes, their GPUs, and how many of those nobody uses."""

    nodes: int = 0
    gpus: int = 0
    gpus_free: int = 0


class ServerCounts(Struct, frozen=True):
    """Servers that exist, that are ready for jobs, and that are attested."""

    total: int = 0
    ready: int = 0
    attested: int = 0


class ModelStatus(Struct, frozen=True, omit_defaults=True):
    """One model's servers and jobs."""

    name: str
    servers: int = 0
    queued: int = 0
    running: int = 0
    price: Price = field(default_factory=Price)


class KeyringStatus(Struct, frozen=True, omit_defaults=True):
    """Whom to seal jobs to; `evidence` is a digest and the address to fetch it from."""

    recipient: str
    epoch: str
    evidence: str = ""


class LastTransfer(Struct, frozen=True):
    """The newest transfer that the chain has confirmed; `amount` in nanoTON."""

    hash: str
    at: str
    amount: str


class Earnings(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Read from the payout service; decimal strings of nanoTON. `earned` is the sum of the next three."""

    earned: str = "0"
    accrued: str = "0"
    in_flight: str = "0"
    paid: str = "0"
    last_transfer: LastTransfer | None = None


class ProviderStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the operator sees."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    capacity: Capacity | None = None
    servers: ServerCounts | None = None
    trust: Trust | None = None
    price: str | None = None
    models: tuple[ModelStatus, ...] = ()
    keyring: KeyringStatus | None = None
    earnings: Earnings | None = None


class CocoonProvider(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The object as the API server stores it."""

    metadata: ObjectMeta
    spec: ProviderSpec
    status: ProviderStatus = field(default_factory=ProviderStatus)
