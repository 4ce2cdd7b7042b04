"""What a client says in a sealed input's header of who may open it, and how the keyring is spoken to.

| call | request | answer |
|---|---|---|
| `GET /v1/keyring` | | KeyringState |
| `POST /v1/evidence` | EvidenceRequest | Bundle of role keyring: its sealing key is the recipient |
| `POST /v1/challenge` | | Challenge |
| `POST /v1/release` | ReleaseRequest | Release |
| `POST /v1/handover` | HandoverRequest | Handover (another keyring takes over the identity) |
| `POST /v1/count` | CountRequest | CountAnswer (replicas count releases together) |

Errors are problem+json (RFC 9457): `cocoon.api.runner.Problem`. Message by message: docs/concepts/sealed-jobs.md.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cocoon.api.trust import Trust

#: What the client's policy is called among a header's stanzas; age tools ignore stanzas that they do not know.
STANZA: Final = "cocoonfleet.io/job-v1"
#: The label of jobs by the epoch that they are sealed to, so that people see who still needs an old keyring.
EPOCH_LABEL: Final = "cocoonfleet.io/sealed-to"
#: How long a challenge may be answered, in seconds.
CHALLENGE_LIFETIME: Final = 120.0
MAXIMUM_RELEASES: Final = 100
MAXIMUM_MEASUREMENTS: Final = 64


class JobPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The client's terms. All fields are always written: whoever does not know one must not ignore it.

    `id` is 128 random bits in hex. `model` is the SHA-256 of the one model that may see the input, `output` the age
    recipient of the answers, `epoch` names the recipient that the file was sealed to. `expires` in seconds since 1970.
    `measurements` are accepted runners in lower-case hex; while it is empty, the keyring's own terms decide alone.
    `gpus` is the least number of attested GPUs. `releases` is how many starts of runners may get the file's key.
    """

    id: str
    namespace: str
    name: str
    epoch: str
    model: str
    output: str
    expires: int
    trust: Trust
    measurements: tuple[str, ...]
    gpus: int
    releases: int


class KeyringPlace(Struct, frozen=True, omit_defaults=True):
    """Where a keyring with this epoch listens (https://host:port), and the measurements it is expected to show."""

    address: str
    epoch: str
    measurements: tuple[str, ...] = ()


class KeyringState(Struct, frozen=True):
    """A keyring by its own word; only its evidence proves it. `terms` are the rules it releases keys by, as JSON."""

    recipient: str
    epoch: str
    terms: str


class Challenge(Struct, frozen=True):
    """32 bytes to ask evidence with, good for one use within CHALLENGE_LIFETIME."""

    nonce: bytes


class ReleaseRequest(Struct, frozen=True):
    """A runner's evidence under the keyring's challenge, the header of a sealed file, and its signature over both."""

    evidence: bytes
    header: bytes
    signature: bytes


class Release(Struct, frozen=True):
    """The header again: the same file's key, sealed to the runner's attested key, under the client's own policy."""

    header: bytes


class HandoverRequest(Struct, frozen=True):
    """A new keyring's evidence under the holder's challenge, its own nonce for the holder, and its signature."""

    evidence: bytes
    nonce: bytes
    signature: bytes


class Handover(Struct, frozen=True):
    """The holder's evidence under the new keyring's nonce, the identities sealed to it, and the holder's signature."""

    evidence: bytes
    sealed: bytes
    signature: bytes


class CountRequest(Struct, frozen=True):
    """A release of a file's key to a runner (its receipt key): to be decided, or only to be known.

    `file` names the file (32 bytes), `most` is how many runners the client allows, `expires` in seconds since 1970.
    `tag` shows that a holder of the identity has sent it.
    """

    file: bytes
    runner: bytes
    most: int
    expires: int
    decide: bool
    tag: bytes = b""


class CountAnswer(Struct, frozen=True):
    """How many runners have the key (0 if nothing was to be decided), and the answering replica's tag."""

    count: int
    tag: bytes
