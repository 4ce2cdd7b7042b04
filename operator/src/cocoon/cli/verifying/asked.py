"""Whether the receipt is of the client's job: what was asked for, what was read and answered, at which price."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from cocoon.api.counted import counted
from cocoon.api.job import InferenceJob
from cocoon.api.job_digest import spec_digest
from cocoon.api.money import Price, parse_nanoton
from cocoon.api.receipts import Claims
from cocoon.attest.receipts import check_arithmetic
from cocoon.cli.amounts import in_ton
from cocoon.cli.verifying.lines import Line, judged, no, unknown, yes
from cocoon.cli.verifying.material import Material
from cocoon.fleet.plan.eligibility import within

#: How far the clocks of a server and of this machine may differ, in seconds.
_SKEW = 300.0


def read_job(material: Material) -> tuple[Line | None, InferenceJob | None]:
    """The job, or a line that says why there is none."""
    if material.job is None:
        return unknown("job", f"Which job it is of can't be compared. {material.why('job')}"), None
    try:
        return None, msgspec.convert(material.job, InferenceJob)
    except (msgspec.ValidationError, RecursionError, ValueError) as error:
        return no("job", f"The job can't be read as an InferenceJob: {str(error)[:200]}."), None


def job(material: Material, claims: Claims, found: InferenceJob) -> Line:
    """Whether it is this job, as it was asked for, with the status that the receipt gives it."""
    meta, spec = found.metadata, found.spec
    wrong = [
        f"The receipt's {what} is {claimed[:80]!r} and the job's is {own[:80]!r}."
        for what, claimed, own in (
            ("job", claims.sub.partition("/")[2], meta.uid),
            ("namespace", claims.namespace, meta.namespace),
            ("name", claims.name, meta.name),
            ("model", claims.model.name, spec.model),
            ("model's digest", claims.model.sha256, spec.model_sha256 or claims.model.sha256),
        )
        if claimed != own
    ]
    digest = _digest((material.job or {}).get("spec"))
    if claims.spec_sha256 != digest:
        wrong.append(
            f"The receipt is of a spec with the digest {claims.spec_sha256[:64]}, and this one's is {digest}: the job "
            "was changed, or this is your manifest and not the object as the API server stores it, with its defaults."
        )
    return judged(
        "job",
        wrong + _status(found, claims, material.receipt),
        f"It is of this job, as it was asked for (spec {digest}).",
    )


def _digest(spec: object) -> str:
    """The job's digest; empty if there can be none."""
    try:
        return spec_digest(spec) if isinstance(spec, Mapping) else ""
    except (TypeError, ValueError, OverflowError, RecursionError):
        return ""


def _status(found: InferenceJob, claims: Claims, receipt: str) -> list[str]:
    """What the job's status says otherwise than its receipt."""
    status, wrong = found.status, []
    if status.receipt not in (None, "", receipt):
        wrong.append("The job's status holds another receipt.")
    if status.cost is not None and status.cost != claims.cost:
        wrong.append(f"The job's status says a cost of {status.cost[:40]}, and its receipt {claims.cost[:40]}.")
    if status.usage is not None and status.usage != claims.usage:
        wrong.append("The job's status says another usage than its receipt.")
    if status.state == "Succeeded" and claims.outcome != "Succeeded":
        wrong.append(f"The job's status says that it succeeded, and the receipt says {claims.outcome}.")
    return wrong


def given(material: Material, claims: Claims, found: InferenceJob | None) -> Line:
    """Whether the input that was read is the client's."""
    source = found.spec.input if found else None
    own = material.input or (source.sha256 if source else None)
    if own is None and source is not None and source.inline is not None:
        own = hashlib.sha256(source.inline.encode(errors="replace")).hexdigest()
    if own is None:
        return unknown("input", f"Your input is not there to compare. {material.why('input')}")
    if own == claims.input_sha256:
        return yes("input", f"What was read is your input (sha256 {own}).")
    if claims.outcome != "Succeeded":
        said = f"The attempt ended as {claims.outcome}, so it may have read the beginning of your input only."
        return unknown("input", f"{said} Its digest is {claims.input_sha256[:64]}; your input's is {own}.")
    return no("input", f"What was read has the digest {claims.input_sha256[:64]}, and your input {own[:64]}.")


def answered(material: Material, claims: Claims, found: InferenceJob | None) -> Line:
    """Whether the answers are those that were receipted."""
    output = found.status.output if found else None
    told = output.sha256 if output else ""
    if told and told != claims.output_sha256:
        said = f"The job's status says that its answers have the digest {told[:64]}"
        return no("answers", f"{said}, and the receipt says {claims.output_sha256[:64]}.")
    if material.answers is None:
        return unknown("answers", f"The answers are not there to compare. {material.why('answers')}")
    if material.answers != claims.output_sha256:
        said = f"Your answers have the digest {material.answers}, and those receipted {claims.output_sha256[:64]}"
        return no("answers", f"{said}: they were changed, or are of another attempt.")
    return yes("answers", f"The answers are those that were receipted (sha256 {material.answers}).")


def price(claims: Claims, found: InferenceJob | None) -> Line:
    """Whether price, budget and trust are within what the job asked for."""
    if found is None:
        return unknown("price", "What it may cost at most stands in the job, which is not there to read.")
    spec = found.spec
    try:
        wrong = _too_dear(claims, spec.maximum_price) + _too_much(claims, spec.budget)
    except ValueError as error:
        return no("price", f"A price or amount can't be read: {error}.")
    if claims.minimum_trust is not spec.minimum_trust:
        wrong.append(
            f"The job asks for trust: {spec.minimum_trust}; the receipt says that it asked for {claims.minimum_trust}."
        )
    if not claims.trust.satisfies(spec.minimum_trust):
        wrong.append(f"The job asks for trust: {spec.minimum_trust}; the work was done under {claims.trust}.")
    binding = found.status.binding
    if binding is not None and binding.attempt == claims.attempt and binding.price != claims.price:
        wrong.append("The receipt's price is not the one that the job was bound at.")
    limits = " and ".join(_limits(spec.maximum_price, spec.budget)) or "the job sets no limit"
    return judged("price", wrong, f"Price, budget and trust are what the job asked for ({limits}).")


def _limits(maximum: Price | None, budget: str | None) -> list[str]:
    told = ["its maximumPrice"] if maximum is not None else []
    return told + ([f"its budget of {in_ton(parse_nanoton(budget))} TON"] if budget is not None else [])


def _too_dear(claims: Claims, maximum: Price | None) -> list[str]:
    if maximum is None or not any(claims.price.rates()):
        return []
    if claims.price.by_items != maximum.by_items:
        return ["The receipt's price is in another unit than the job's maximumPrice."]
    return [] if within(claims.price, maximum) else ["The receipt's price is above the job's maximumPrice."]


def _too_much(claims: Claims, budget: str | None) -> list[str]:
    if budget is None:
        return []
    wrong = []
    if parse_nanoton(claims.cost) > parse_nanoton(budget):
        wrong.append(f"The cost is above the job's budget of {budget} nanoTON.")
    if claims.budget not in ("", budget):
        wrong.append(f"The receipt's budget is {claims.budget[:40]} nanoTON, and the job's is {budget}.")
    return wrong


def arithmetic(claims: Claims, now: float) -> Line:
    """Whether the cost is units * price // 1,000,000, within the budget, and the times are in order and past."""
    wrong = check_arithmetic(claims)
    if claims.iat > now + _SKEW:
        wrong.append("The receipt is from the future: check this machine's clock.")
    try:
        said = f"{_bill(claims)} = {in_ton(parse_nanoton(claims.cost))} TON{_within(claims)}."
    except ValueError as error:
        return no("arithmetic", " ".join(wrong) or f"An amount can't be read: {error}.")
    return judged("arithmetic", wrong, said)


def _bill(claims: Claims) -> str:
    usage: dict[str, Any] = {
        "items": claims.usage.items,
        "prompt tokens": claims.usage.prompt_tokens,
        "completion tokens": claims.usage.completion_tokens,
    }
    parts = [
        f"{units} {name} at {in_ton(rate)} TON a million"
        for (name, units), rate in zip(usage.items(), claims.price.rates(), strict=True)
        if rate
    ]
    return " + ".join(parts) or f"{counted(claims.usage.items, 'item')} without a price"


def _within(claims: Claims) -> str:
    if claims.outcome == "Interrupted":
        return ", for an interrupted attempt costs nothing"
    return f", within the budget of {in_ton(parse_nanoton(claims.budget))} TON" if claims.budget else ""
