"""A job whose input is sealed: to one recipient, for this job, this model and these answers alone."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from cocoon.api.resources import Manifest
from cocoon.api.sealing import EPOCH_LABEL, JobPolicy
from cocoon.attest import sealing
from cocoon.attest.age import armor
from cocoon.attest.age.failures import AgeError
from cocoon.cli.failure import Failure
from cocoon.cli.input_file import chunks
from cocoon.cli.job_file import MOST_INLINE
from cocoon.cli.keyring_evidence import Recipient
from cocoon.cli.replacing import replacing
from cocoon.cli.sealing_terms import SealingTerms


class Place(Struct, frozen=True):
    """Where a large sealed input is written, and where runners will fetch it."""

    file: Path
    uri: str


class Wish(Struct, frozen=True):
    """How a job is to be sealed. `answers_to` is an age recipient; None leaves it to the job."""

    terms: SealingTerms
    recipient: Recipient
    answers_to: str | None = None
    input: Path | None = None
    place: Place | None = None


def check(job: Manifest, called: str) -> None:
    """Raises Failure for a job that can't be sealed; `called` is what it is called there."""
    spec, meta = job["spec"], job["metadata"]
    if not meta.get("name") or not meta.get("namespace"):
        raise Failure(
            f"{called}: metadata.name and metadata.namespace are needed, for the input is sealed for that job alone."
        )
    if not spec.get("modelSHA256"):
        raise Failure(
            f"{called}: spec.modelSHA256 is needed: it says which weights and code may see the input. The provider's "
            "spec.models has it, and `kubectl cocoon digest` computes it from a model that you have."
        )
    if (spec.get("input") or {}).get("sealed"):
        raise Failure(f"{called}: its input is sealed already.")


def seal(job: Manifest, wish: Wish) -> Manifest:
    """The job with its input sealed. Raises Failure."""
    policy = _policy(job, wish)
    given = dict(job["spec"].get("input") or {})
    content = _content(given.get("inline"), wish.input)
    if wish.place is not None:
        held = _to_file(policy, wish, content, wish.place)
    else:
        held = _into_object(policy, wish, content)
    spec = job["spec"] | {
        "input": held | {"sealed": True},
        "output": (job["spec"].get("output") or {"configMap": {}}) | {"sealTo": policy.output},
    }
    labels = (job["metadata"].get("labels") or {}) | {EPOCH_LABEL: policy.epoch}
    return job | {"metadata": job["metadata"] | {"labels": labels}, "spec": spec}


def _policy(job: Manifest, wish: Wish) -> JobPolicy:
    terms = wish.terms
    return JobPolicy(
        id=secrets.token_hex(16),
        namespace=str(job["metadata"]["namespace"]),
        name=str(job["metadata"]["name"]),
        epoch=wish.recipient.epoch,
        model=str(job["spec"]["modelSHA256"]),
        output=_answers_to(job, wish.answers_to),
        expires=int(time.time()) + terms.lifetime,
        trust=terms.runners.trust,
        measurements=terms.runners.measurements,
        gpus=terms.runners.gpus,
        releases=terms.releases,
    )


def _answers_to(job: Manifest, own: str | None) -> str:
    said = (job["spec"].get("output") or {}).get("sealTo")
    if own is not None and said not in (None, own):
        raise Failure("The job's spec.output.sealTo is not the recipient of --identity: drop one of them.")
    if own is None and said is None:
        raise Failure(
            "Whom are the answers for? Set spec.output.sealTo to your age recipient, or give --identity FILE."
        )
    return str(own or said)


def _content(inline: object, path: Path | None) -> Iterable[bytes]:
    if (inline is None) == (path is None):
        raise Failure("There must be exactly one plain input: spec.input.inline in the job, or --input FILE.")
    return [str(inline).encode()] if path is None else chunks(path)


def _sealed(policy: JobPolicy, recipient: Recipient, content: Iterable[bytes]) -> Iterator[bytes]:
    try:
        header, sealer = sealing.begin(policy, [recipient.key])
    except (AgeError, sealing.NoPolicy) as error:
        raise Failure(f"The input can't be sealed: {error}") from error
    yield header
    for chunk in content:
        yield sealer.push(chunk)
    yield sealer.finish()


def _into_object(policy: JobPolicy, wish: Wish, content: Iterable[bytes]) -> Manifest:
    held = b""
    for part in _sealed(policy, wish.recipient, content):
        held += part
        if armor.armored_size(len(held)) > MOST_INLINE:
            raise Failure(
                "Sealed and in armor, the input has more than the 32 KiB that an object holds: write it to a file with "
                "`kubectl cocoon seal --to`, upload that, and say with --uri where it is."
            )
    return {"inline": armor.encode(held).decode()}


def _to_file(policy: JobPolicy, wish: Wish, content: Iterable[bytes], place: Place) -> Manifest:
    hashed = hashlib.sha256()
    with replacing(place.file) as file:
        for part in _sealed(policy, wish.recipient, content):
            hashed.update(part)
            file.write(part)
    return {"uri": place.uri, "sha256": hashed.hexdigest()}
