"""Messages of the runner's HTTPS API (docs/reference/runner-api.md), all JSON.

| call | request | answer |
|---|---|---|
| `POST /v1/evidence` | EvidenceRequest | Bundle |
| `GET /v1/models` | | ModelList |
| `PUT /v1/models/{name}` | ModelAssignment | ModelState (202 while it loads) |
| `DELETE /v1/models/{name}` | | 204 |
| `PUT /v1/jobs/{uid}/{attempt}` | JobAssignment | JobProgress: 201 new, 200 the same, 409 another body |
| `GET /v1/jobs/{uid}/{attempt}` | | JobProgress |
| `DELETE /v1/jobs/{uid}/{attempt}` | Cancellation | JobProgress: what is done is still receipted |
| `GET /v1/events?after=N` | | EventPage (long poll, at most 30 s) |
| `POST /v1/events/ack` | Acknowledgement | 204 |

Errors are problem+json (RFC 9457): Problem.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cocoon.api.job import ItemErrors, JobInput, JobOutput
from cocoon.api.money import Price, Usage
from cocoon.api.provider import Meter, ModelSource
from cocoon.api.sealing import KeyringPlace
from cocoon.api.trust import Trust


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a call was refused: `code` in CamelCase, `detail` a sentence that says what to do."""

    code: str
    detail: str
    status: int = 400
    title: str = ""
    type: str = "about:blank"


class ModelAssignment(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which model to fetch, check and load. `path` sources are mounted below the runner's source folder."""

    name: str
    sha256: str
    source: ModelSource
    meter: Meter
    max_concurrency: int


class ModelState(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One model on this server. `load_seconds` from the start of the fetch until Triton calls it ready."""

    name: str
    sha256: str
    state: Literal["Loading", "Ready", "Failed"]
    code: str = ""
    detail: str = ""
    load_seconds: float = 0.0


class ModelList(Struct, frozen=True):
    """The models this server holds."""

    models: tuple[ModelState, ...]


class JobAssignment(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One attempt of a job, complete: the runner needs nothing else to do the work and to sign for it.

    `budget` and `price` are fixed in the binding; an empty budget means that no payout service is configured.
    `deadline` in seconds since 1970. `keyrings` are where a sealed input's key may be asked for; one whose epoch is not
    known has an empty one.
    """

    cluster: str
    uid: str
    attempt: int
    namespace: str
    name: str
    provider_uid: str
    model: str
    model_sha256: str
    input: JobInput
    output: JobOutput
    price: Price
    minimum_trust: Trust
    spec_sha256: str
    budget: str = ""
    parallelism: int = 1
    item_errors: ItemErrors = "Continue"
    deadline: float | None = None
    keyrings: tuple[KeyringPlace, ...] = ()


class Cancellation(Struct, frozen=True):
    """Why an attempt is cancelled. `final` says that this ends the job: its receipt is Cancelled, not Interrupted."""

    final: bool
    reason: str


JobPhase = Literal["Waiting", "Running", "Publishing", "Finished"]


class JobProgress(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far an attempt is. Waiting: its model isn't ready yet."""

    uid: str
    attempt: int
    phase: JobPhase
    usage: Usage


class Started(Struct, frozen=True, tag="started", rename="camel"):
    """The first item went to Triton at `at` (seconds since 1970)."""

    number: int
    uid: str
    attempt: int
    at: float


class Progressed(Struct, frozen=True, tag="progress", rename="camel"):
    """Units so far; a newer one replaces an older one of the same attempt."""

    number: int
    uid: str
    attempt: int
    usage: Usage


class Finished(Struct, frozen=True, tag="finished", rename="camel", omit_defaults=True):
    """The attempt is over and receipted; the outcome, usage and cost are the receipt's.

    `code` and `detail` say why, if it did not succeed. `output` holds the answers if they go to a ConfigMap.
    """

    number: int
    uid: str
    attempt: int
    receipt: str
    output_sha256: str
    output_bytes: int
    output: str | None = None
    code: str = ""
    detail: str = ""


Event = Started | Progressed | Finished


class EventPage(Struct, frozen=True, rename="camel"):
    """Events after the number asked for. `boot` changes when the runner restarts: its keys are new then."""

    boot: str
    events: tuple[Event, ...]
    running: tuple[str, ...]
    """`uid/attempt` of every attempt the runner holds and has not finished."""
    standing_until: float
    """Until when (seconds since 1970) the runner considers itself in contact without another call."""
    evidence: tuple[bytes, ...] = ()
    """Bundles of the runner's earlier starts (api.evidence, JSON) that signed receipts on this page."""


class Acknowledgement(Struct, frozen=True, rename="camel"):
    """Everything up to this number is durable elsewhere."""

    up_to: int


class Standing(Struct, frozen=True):
    """`POST /v1/standing`: the attempts (`uid/attempt`) that still stand, said to a runner that lost contact."""

    attempts: tuple[str, ...]
