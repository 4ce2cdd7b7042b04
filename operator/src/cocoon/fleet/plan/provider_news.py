"""What is new for people in a provider's status, from the one that was written last to the one written now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cocoon.api.conditions import Condition, find
from cocoon.api.counted import counted
from cocoon.api.money import Price
from cocoon.api.provider import ModelStatus, ProviderStatus
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Offer, Provider

#: Conditions whose changes are told; servers' own verdicts are told one by one instead of by Attested.
_TOLD: Final = (
    reasons.WALLET_VALID,
    reasons.MODELS_VALID,
    reasons.CAPACITY_AVAILABLE,
    reasons.UP_TO_DATE,
    reasons.PAYOUTS_CURRENT,
)


class News(Struct, frozen=True):
    """A constant in CamelCase and whole sentences; `about` tells news of the same reason apart."""

    reason: str
    message: str
    warning: bool = False
    about: str = ""


def news(provider: Provider, new: ProviderStatus) -> tuple[News, ...]:
    """What changed for people from the status that `provider` has to `new`; nothing if both say the same."""
    old = provider.status
    changes = [
        told for kind in _TOLD if (told := _changed(find(old.conditions, kind), find(new.conditions, kind))) is not None
    ]
    return (*changes, *_operation(provider, new), *_starved(provider, new))


def price_in_words(price: Price) -> str:
    """A price in a few characters, in nanoTON."""
    if price.by_items:
        return f"{price.per_million_items}/M items"
    return f"{price.per_million_prompt_tokens or 0}+{price.per_million_completion_tokens or 0}/M tokens"


def _changed(old: Condition | None, new: Condition | None) -> News | None:
    """A condition that became bad, bad for another reason, or good after it was bad."""
    if new is None or (old is not None and (old.status, old.reason) == (new.status, new.reason)):
        return None
    if new.status == "False":
        return News(new.reason, new.message, warning=new.reason != reasons.ROLLING_OUT)
    mended = new.status == "True" and old is not None and old.status == "False"
    return News(new.type, new.message) if mended else None


def _operation(provider: Provider, new: ProviderStatus) -> Iterator[News]:
    """Hold and Drain: begun, at their end, and when the last server of a Drain is gone."""
    before, after = _held(provider.status), _held(new)
    if after and after != before:
        yield News(provider.operation, after)
    elif before and not after and provider.operation == "Serve":
        yield News(provider.operation, "spec.operation is Serve again: the provider takes jobs.")
    had, has = provider.status.servers, new.servers
    if provider.operation == "Drain" and had is not None and had.total and has is not None and not has.total:
        yield News(reasons.DRAINED, "The last server is gone: the drain is finished.")


def _held(status: ProviderStatus) -> str:
    """What Ready says of an operation that takes no jobs; empty if it says something else."""
    ready = find(status.conditions, reasons.READY)
    return ready.message if ready is not None and ready.reason == reasons.HOLDING else ""


def _starved(provider: Provider, new: ProviderStatus) -> Iterator[News]:
    """Models that are left without a server, or below their minimum, for lack of GPUs."""
    for model in new.models:
        offer = provider.offers.get(model.name)
        old = next((each for each in provider.status.models if each.name == model.name), None)
        if offer is None or provider.operation != "Serve" or not _lacks_gpus(new, model, offer):
            continue
        if old is None or not _lacks_gpus(provider.status, old, offer):
            free = new.capacity.gpus_free if new.capacity is not None else 0
            gpus = counted(offer.gpus, "GPU")
            message = (
                f"Model {offer.model} has {counted(model.servers, 'server')}, and one more needs {gpus} on one node; "
                f"{counted(free, 'is', 'are')} free in all. Free some or add nodes."
            )
            yield News(reasons.NO_ROOM, message, warning=True, about=offer.model)


def _lacks_gpus(status: ProviderStatus, model: ModelStatus, offer: Offer) -> bool:
    minimum = offer.minimum if offer.isolation == "Shared" else 0
    wanting = model.servers < minimum or (model.queued > 0 and model.servers == 0)
    return wanting and status.capacity is not None and status.capacity.gpus_free < offer.gpus
