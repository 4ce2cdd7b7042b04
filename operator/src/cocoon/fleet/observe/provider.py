"""CocoonProvider to Provider: durations and prices become numbers, and what can't be used becomes a flaw.

`Flaw.part` is the field below spec (`wallet.address`), or `models/NAME` for what concerns one model only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cocoon.api.durations import parse_duration
from cocoon.api.groups import FINALIZER
from cocoon.api.metadata import ObjectMeta
from cocoon.api.money import Price
from cocoon.api.provider import ModelSpec, ProviderSpec, ProviderStatus, Wallet
from cocoon.api.resources import Json
from cocoon.api.ton_address import AddressError, parse_address
from cocoon.api.trust import Trust
from cocoon.fleet.observe.reading import Unreadable, metadata, read, read_or
from cocoon.fleet.plan.records import Flaw, Offer, Provider, Uid, key_of
from cocoon.fleet.render.template import template

MAXIMUM_GPUS_PER_SERVER: Final = 16
_UNKNOWN: Final = ProviderSpec(wallet=Wallet(address=""), models=())


def provider(body: Json, *, allow_test_roots: bool = False) -> Provider:
    """The record of a CocoonProvider. Raises Unreadable if it has no usable metadata."""
    meta = metadata(body)
    status = read_or(body.get("status") or {}, ProviderStatus, ProviderStatus())
    try:
        spec = read(body.get("spec"), ProviderSpec)
    except Unreadable as error:
        flaw = Flaw("spec", "InvalidSpec", f"The stored object can't be read ({error}): apply the provider again.")
        return _record(meta, _UNKNOWN, status, (flaw,))
    return _record(meta, spec, status, tuple(_flaws(spec, allow_test_roots=allow_test_roots)))


def _record(meta: ObjectMeta, spec: ProviderSpec, status: ProviderStatus, flaws: tuple[Flaw, ...]) -> Provider:
    return Provider(
        key=key_of(meta.namespace, meta.name),
        uid=Uid(meta.uid),
        resource_version=meta.resource_version,
        generation=meta.generation,
        deleting=meta.deletion_timestamp is not None,
        finalized=FINALIZER in meta.finalizers,
        trust=spec.confidential.trust,
        payee=spec.wallet.address,
        operation=spec.operation,
        drain_timeout=_seconds(spec.drain_timeout, 1800),
        reattest_every=_seconds(spec.confidential.reattest_every, 3600),
        maximum_gpus=spec.nodes.maximum_gpus,
        allowed_namespaces=spec.allowed_namespaces,
        technologies=spec.confidential.technologies,
        policy=spec.confidential.policy,
        offers={model.name: _offer(spec, model) for model in spec.models if not list(_model_flaws(model))},
        spec=spec,
        status=status,
        flaws=flaws,
    )


def _offer(spec: ProviderSpec, model: ModelSpec) -> Offer:
    return Offer(
        model=model.name,
        sha256=model.sha256,
        price=model.price,
        gpus=model.gpus,
        concurrency=model.max_concurrency,
        minimum=model.servers.minimum,
        maximum=model.servers.maximum,
        idle_timeout=_seconds(model.servers.idle_timeout, 600),
        isolation=model.isolation,
        template=template(spec, model),
        spec=model,
    )


def _seconds(text: str, otherwise: int) -> int:
    try:
        return parse_duration(text)
    except ValueError:
        return otherwise


def _flaws(spec: ProviderSpec, *, allow_test_roots: bool) -> Iterator[Flaw]:
    if wrong := _wrong_address(spec.wallet.address):
        yield Flaw("wallet.address", *wrong)
    if spec.confidential.trust is Trust.TEST and not allow_test_roots:
        advice = "Use trust Hardware, or start the operator with --allow-test-roots in a development cluster."
        yield Flaw("confidential.trust", "TestRootsNotAllowed", f"This operator accepts no test roots. {advice}")
    if not spec.confidential.technologies:
        yield Flaw("confidential.technologies", "NoTechnology", "Name at least one technology.")
    for part, text in (
        ("drainTimeout", spec.drain_timeout),
        ("confidential.reattestEvery", spec.confidential.reattest_every),
    ):
        if _seconds(text, -1) < 0:
            yield Flaw(part, "InvalidDuration", f"{part} is no duration: write for instance 30m.")
    for model in spec.models:
        yield from _model_flaws(model)


def _model_flaws(model: ModelSpec) -> Iterator[Flaw]:
    sources = (model.source.uri, model.source.claim_name, model.source.image)
    rules = {
        "Give exactly one of source.uri, source.claimName and source.image.": sum(map(bool, sources)) == 1,
        "Give the archive's SHA-256 as 64 hex digits.": _is_digest(model.sha256),
        "Give the price in whole nanoTON, in the meter's unit.": _is_price(
            model.price, by_items=model.meter.unit == "Items"
        ),
        f"Ask for 1 to {MAXIMUM_GPUS_PER_SERVER} GPUs.": 1 <= model.gpus <= MAXIMUM_GPUS_PER_SERVER,
        "Allow at least one item at once (maxConcurrency).": model.max_concurrency >= 1,
        "servers.minimum must not be above servers.maximum.": 0 <= model.servers.minimum <= model.servers.maximum,
        "Write servers.idleTimeout as a duration, such as 10m.": _seconds(model.servers.idle_timeout, -1) >= 0,
    }
    for advice, holds in rules.items():
        if not holds:
            yield Flaw(f"models/{model.name}", "InvalidModel", f"The model {model.name} can't be offered. {advice}")


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)


def _is_price(price: Price, *, by_items: bool) -> bool:
    try:
        price.rates()
    except ValueError:
        return False
    by_tokens = price.per_million_prompt_tokens is not None and price.per_million_completion_tokens is not None
    return price.by_items if by_items else by_tokens and not price.by_items


def _wrong_address(address: str) -> tuple[str, str] | None:
    """A reason and a sentence if it is no TON address."""
    try:
        parse_address(address)
    except AddressError as error:
        return error.code, str(error)
    return None
