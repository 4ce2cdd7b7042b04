"""What is known of the world, one frozen record per thing, parsed once when it was observed.

Three sources feed the records: the Kubernetes API (providers, nodes, servers, jobs, namespaces), the runners (views of
what they hold) and the operator's own verifiers (verdicts). Nothing here is a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NewType

from msgspec import Struct, field

from cocoon.api.conditions import Condition
from cocoon.api.evidence import Verdict
from cocoon.api.job import JobStatus, ProviderReference
from cocoon.api.money import NanoTon, Price, Usage
from cocoon.api.provider import (
    AllowedNamespaces,
    AttestationPolicy,
    Earnings,
    Isolation,
    ModelSpec,
    Operation,
    ProviderSpec,
    ProviderStatus,
    TechnologySpec,
)
from cocoon.api.runner import Finished, ModelState
from cocoon.api.times import Instant
from cocoon.api.trust import Trust

#: `namespace/name` of a namespaced object.
Key = NewType("Key", str)
#: metadata.uid.
Uid = NewType("Uid", str)


def key_of(namespace: str, name: str) -> Key:
    """The key of a namespaced object."""
    return Key(f"{namespace}/{name}")


class Flaw(Struct, frozen=True):
    """What is wrong with a part of an object: the field, a reason in CamelCase and a sentence that says what to do."""

    part: str
    reason: str
    message: str


class Offer(Struct, frozen=True):
    """One model of one provider, in numbers; `template` changes when its servers must be replaced."""

    model: str
    sha256: str
    price: Price
    gpus: int
    concurrency: int
    minimum: int
    maximum: int
    idle_timeout: int
    isolation: Isolation
    template: str
    spec: ModelSpec


class Provider(Struct, frozen=True):
    """A CocoonProvider. `flaws` holds all that keeps it or one of its models from working."""

    key: Key
    uid: Uid
    resource_version: str
    generation: int
    deleting: bool
    finalized: bool
    trust: Trust
    payee: str
    operation: Operation
    drain_timeout: int
    reattest_every: int
    maximum_gpus: int | None
    allowed_namespaces: AllowedNamespaces
    technologies: tuple[TechnologySpec, ...]
    policy: AttestationPolicy
    offers: Mapping[str, Offer]
    spec: ProviderSpec
    status: ProviderStatus
    flaws: tuple[Flaw, ...] = ()

    @property
    def namespace(self) -> str:
        """The namespace it is in."""
        return self.key.split("/", 1)[0]


class Taint(Struct, frozen=True):
    """A node's taint, as in core/v1."""

    key: str
    effect: str
    value: str = ""


class Node(Struct, frozen=True):
    """A Kubernetes node. `not_ready_since` is None while it is Ready; `allocatable` holds extended resources only."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    cordoned: bool
    not_ready_since: Instant | None
    allocatable: Mapping[str, int]


class ForeignUse(Struct, frozen=True):
    """GPUs of a node that Pods of others hold, by resource name, as of the last LIST."""

    node: str
    used: Mapping[str, int]


class Namespace(Struct, frozen=True):
    """A namespace's labels, for providers that select namespaces."""

    name: str
    labels: Mapping[str, str]


class Server(Struct, frozen=True):
    """A server Pod. `isolated_for` is the only namespace it serves, if its model is isolated PerNamespace.

    `ended` says why the Pod will never work again (its phase is Failed or Succeeded), `unschedulable` what
    kube-scheduler says, `waiting` why a container can't start (ImagePullBackOff, CrashLoopBackOff, ...).
    """

    key: Key
    uid: Uid
    resource_version: str
    provider: Key
    model: str
    node: str
    template: str
    gpus: int
    gpu_resource: str
    concurrency: int
    created: Instant
    deleting: bool
    running: bool
    address: str = ""
    isolated_for: str = ""
    ended: str = ""
    unschedulable: str = ""
    waiting: str = ""
    attested: Condition | None = None
    retiring: Condition | None = None
    ready: bool = False


class Attestation(Struct, frozen=True):
    """The newest verdict of a server, and how often in a row no trusted one could be had.

    `verdict` keeps the last one that was reached; `failure` says why the newest try reached none. `next_try` is when
    the next one is due (`trust.next_try`). `boot` is the runner's boot that was attested: after a restart its keys are
    new, and the verdict is of no use any more.
    """

    server: Uid
    verdict: Verdict | None
    next_try: Instant
    failures: int = 0
    failure: str = ""
    boot: str = ""


class Attempt(Struct, frozen=True):
    """One attempt that a runner holds and has not finished."""

    uid: Uid
    number: int
    usage: Usage
    started: Instant | None = None


class RunnerView(Struct, frozen=True):
    """What a server's runner last told. Unacknowledged finishes stay in `finished` until the runner forgets them."""

    server: Uid
    boot: str
    last_contact: Instant
    unreachable_since: Instant | None = None
    models: tuple[ModelState, ...] = ()
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    """By `uid/attempt`."""
    over: Mapping[str, bool] = field(default_factory=dict)
    """By `uid/attempt`, what it says has ended, though no receipt of it is here: whether none will come any more."""
    finished: tuple[Finished, ...] = ()
    """In the order of their numbers."""
    last_event: int = 0
    acknowledged: int = 0
    idle_since: Instant | None = None
    lapsed: bool = False
    """Its last page said that it had lost contact, so that it publishes nothing until told what still stands."""
    heard: bool = True
    """Whether a page of it came since this replica began to act; until then `attempts` and `finished` may lack some."""

    @property
    def answers(self) -> bool:
        """Whether it is in reach, and has said what it works for and holds."""
        return self.heard and self.unreachable_since is None


class Job(Struct, frozen=True):
    """An InferenceJob without its input, which is read when the job is pushed.

    `flaws` holds what makes it impossible to run at all. `submitted` orders jobs of the same priority. `output_uri` is
    where its answers are put, without the query, which is a credential.
    """

    key: Key
    uid: Uid
    resource_version: str
    generation: int
    submitted: Instant
    deleting: bool
    model: str
    model_sha256: str | None
    providers: tuple[ProviderReference, ...]
    minimum_trust: Trust
    maximum_price: Price | None
    budget: NanoTon | None
    parallelism: int
    priority: int
    deadline: Instant | None
    attempts: int
    suspended: bool
    ttl: int | None
    status: JobStatus
    flaws: tuple[Flaw, ...] = ()
    sealed: bool = False
    output_uri: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace it is in."""
        return self.key.split("/", 1)[0]

    @property
    def finished(self) -> bool:
        """Whether it will never run again."""
        return self.status.state in ("Succeeded", "Failed")


class Credit(Struct, frozen=True):
    """What a tenant namespace may still spend, as last read from the payout service, in nanoTON."""

    namespace: str
    available: NanoTon
    read_at: Instant


class PayoutLink(Struct, frozen=True):
    """Whether a payout service is configured, and since when it is out of reach. `said`: its words, if it answers."""

    configured: bool
    unreachable_since: Instant | None = None
    said: str = ""


class Earned(Struct, frozen=True):
    """What a provider has earned, as last read from the payout service."""

    provider: Uid
    figures: Earnings


class PayoutHolds(Struct, frozen=True):
    """Why owners are not paid now: a sentence by provider uid, "" for all. `unread`: why that is not known."""

    by_provider: Mapping[str, str] = field(default_factory=dict)
    unread: str = ""

    def of(self, provider: Uid) -> str:
        """What holds up this provider's pay; empty if nothing does."""
        return self.by_provider.get("") or self.by_provider.get(provider, "")


class Keyring(Struct, frozen=True):
    """A keyring of the settings. What it holds is empty until it was first attested, and kept while it is silent."""

    address: str
    epoch: str = ""
    recipient: str = ""
    evidence: str = ""
    answers: bool = False
    """Whether it was attested when it was last asked."""


class Keyrings(Struct, frozen=True):
    """Who holds the keys of sealed jobs, in the order of the settings: jobs are sealed to the first that answers."""

    known: tuple[Keyring, ...] = ()
    measurements: tuple[str, ...] = ()

    @property
    def current(self) -> Keyring | None:
        """The one to seal to; one that is silent rather than none."""
        named = [keyring for keyring in self.known if keyring.epoch]
        return next((keyring for keyring in named if keyring.answers), named[0] if named else None)

    @property
    def answer(self) -> bool:
        """Whether a sealed job could be opened now."""
        return any(keyring.answers for keyring in self.known)


Record = (
    Provider
    | Node
    | ForeignUse
    | Namespace
    | Server
    | Attestation
    | RunnerView
    | Job
    | Credit
    | PayoutLink
    | Earned
    | PayoutHolds
    | Keyrings
)
