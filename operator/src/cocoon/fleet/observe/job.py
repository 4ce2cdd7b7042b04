"""InferenceJob to Job. The input stays in the cluster: it can have 32 KiB, and is needed once, when it is pushed."""

from __future__ import annotations

from typing import Final

import msgspec

from cocoon.api.conditions import find
from cocoon.api.job import JobInput, JobSpec, JobStatus
from cocoon.api.metadata import ObjectMeta
from cocoon.api.money import NanoTon, parse_nanoton
from cocoon.api.resources import Json
from cocoon.fleet.observe.reading import Unreadable, metadata, moment, read, read_or, tolerant
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Flaw, Job, Uid, key_of

MAXIMUM_PARALLELISM: Final = 4096
_UNKNOWN: Final = JobSpec(model="", input=JobInput())


@tolerant
def job(body: Json) -> Job:
    """The record of an InferenceJob. Raises Unreadable if it has no usable metadata."""
    meta = metadata(body)
    status = slim(read_or(body.get("status") or {}, JobStatus, JobStatus()))
    try:
        spec = read(body.get("spec"), JobSpec)
    except Unreadable as error:
        flaw = Flaw("spec", "InvalidSpec", f"The stored object can't be read ({error}): create the job again.")
        return _record(meta, _UNKNOWN, status, (flaw,))
    return _record(meta, spec, status, tuple(_flaws(spec)))


def slim(status: JobStatus) -> JobStatus:
    """The status without the receipt, if nobody will ask for it again: it is reported, or nobody pays for it."""
    reported = find(status.conditions, reasons.REPORTED)
    if status.receipt and reported and (reported.status == "True" or reported.reason == reasons.NO_PAYOUT_SERVICE):
        return msgspec.structs.replace(status, receipt=None)
    return status


def _record(meta: ObjectMeta, spec: JobSpec, status: JobStatus, flaws: tuple[Flaw, ...]) -> Job:
    return Job(
        key=key_of(meta.namespace, meta.name),
        uid=Uid(meta.uid),
        resource_version=meta.resource_version,
        generation=meta.generation,
        submitted=moment(meta.creation_timestamp) or 0.0,
        deleting=meta.deletion_timestamp is not None,
        model=spec.model,
        model_sha256=spec.model_sha256,
        providers=spec.providers,
        minimum_trust=spec.minimum_trust,
        maximum_price=spec.maximum_price,
        budget=_budget(spec),
        parallelism=spec.parallelism,
        priority=spec.priority,
        deadline=moment(spec.deadline),
        attempts=spec.attempts,
        suspended=spec.suspend,
        ttl=spec.ttl_seconds_after_finished,
        status=status,
        flaws=flaws,
        sealed=spec.input.sealed,
        output_uri=spec.output.uri and spec.output.uri.partition("?")[0],
    )


def _budget(spec: JobSpec) -> NanoTon | None:
    try:
        return parse_nanoton(spec.budget) if spec.budget is not None else None
    except ValueError:
        return None


def _flaws(spec: JobSpec) -> list[Flaw]:
    """What the CRD's rules refuse too; older objects, or ones stored before a rule was added, can still have it."""
    rules = {
        ("model", "Name a model."): bool(spec.model),
        ("input", "Give exactly one of inline and uri."): (spec.input.inline is None) != (spec.input.uri is None),
        ("input", "Give the sha256 of what uri holds."): spec.input.uri is None or bool(spec.input.sha256),
        ("output", "Give exactly one of configMap and uri."): (spec.output.config_map is None)
        != (spec.output.uri is None),
        ("parallelism", f"Ask for 1 to {MAXIMUM_PARALLELISM}."): 1 <= spec.parallelism <= MAXIMUM_PARALLELISM,
        ("attempts", "Allow at least one attempt."): spec.attempts >= 1,
        ("budget", "Write a whole number of nanoTON."): spec.budget is None or _budget(spec) is not None,
        ("deadline", "Write an RFC 3339 time."): spec.deadline is None or moment(spec.deadline) is not None,
        ("maximumPrice", "Write whole numbers of nanoTON."): spec.maximum_price is None or _readable(spec),
    }
    return [
        Flaw(part, "InvalidSpec", f"spec.{part} is not usable. {advice}")
        for (part, advice), holds in rules.items()
        if not holds
    ]


def _readable(spec: JobSpec) -> bool:
    try:
        return spec.maximum_price is None or bool(spec.maximum_price.rates())
    except ValueError:
        return False
