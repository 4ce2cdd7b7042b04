"""Which offers a class of jobs may use at all, and at which price, before any server is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from cocoon.api.money import Price
from cocoon.fleet.plan.queues import JobClass
from cocoon.fleet.plan.records import Key, Namespace, Offer, Provider

OfferKey = tuple[Key, str]

#: An item of a text model is taken to have this many prompt and completion tokens when prices per token and per item
#: are compared: a client who cares sets maximumPrice, which fixes the unit.
TOKENS_PER_ITEM: Final = 128


class Candidate(Struct, frozen=True):
    """An offer that a class may use, and what a million items are estimated to cost there."""

    estimate: int
    key: OfferKey
    isolated: bool = False


def candidates(
    job_class: JobClass, providers: Mapping[Key, Provider], offering: set[Key], namespaces: Mapping[str, Namespace]
) -> tuple[Candidate, ...]:
    """The offers this class may use, cheapest first."""
    found = []
    for key in offering:
        provider = providers[key]
        offer = provider.offers[job_class.model]
        if not refusal(job_class, provider, offer, namespaces):
            isolated = offer.isolation == "PerNamespace"
            found.append(Candidate(estimate(offer.price), (key, job_class.model), isolated))
    return tuple(sorted(found, key=lambda candidate: (candidate.estimate, candidate.key)))


def refusal(job_class: JobClass, provider: Provider, offer: Offer, namespaces: Mapping[str, Namespace]) -> str:
    """Why this offer does not take these jobs, in the few words that are counted in explanations; empty if it does."""
    if provider.deleting:
        return "of a provider that is being deleted"
    if not admits(provider, job_class.namespace, namespaces):
        return "not open to this namespace"
    if job_class.providers and not _allowed(job_class, provider):
        return "not in the job's providers"
    return _terms(job_class, provider, offer)


def _terms(job_class: JobClass, provider: Provider, offer: Offer) -> str:
    if job_class.model_sha256 is not None and job_class.model_sha256 != offer.sha256:
        return "with another modelSHA256"
    if not provider.trust.satisfies(job_class.minimum_trust):
        return f"with trust {provider.trust} only"
    if job_class.maximum_price is not None and job_class.maximum_price.by_items != offer.price.by_items:
        return "priced in another unit"
    if job_class.maximum_price is not None and not within(offer.price, job_class.maximum_price):
        return "price above maximum"
    if job_class.parallelism > offer.concurrency:
        return f"too small for parallelism {job_class.parallelism}"
    return ""


def admits(provider: Provider, namespace: str, namespaces: Mapping[str, Namespace]) -> bool:
    """Whether the provider takes jobs of that namespace."""
    match provider.allowed_namespaces.origin:
        case "Same":
            return namespace == provider.namespace
        case "All":
            return True
        case "Selector":
            known = namespaces.get(namespace)
            return known is not None and provider.allowed_namespaces.selector.admits(known.labels)


def within(price: Price, maximum: Price) -> bool:
    """Whether no rate is above its maximum; both in the same unit."""
    return all(rate <= most for rate, most in zip(price.rates(), maximum.rates(), strict=True))


@lru_cache(maxsize=4096)
def estimate(price: Price) -> int:
    """nanoTON for a million items at this price."""
    item, prompt, completion = price.rates()
    return item + TOKENS_PER_ITEM * (prompt + completion)


def _allowed(job_class: JobClass, provider: Provider) -> bool:
    return any(
        f"{reference.namespace or job_class.namespace}/{reference.name}" == provider.key
        for reference in job_class.providers
    )
