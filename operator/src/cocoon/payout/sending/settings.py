"""How paying was set up: a part of the service's settings. Without it, receipts are taken and nobody is paid."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cocoon.api.money import parse_nanoton
from cocoon.api.ton_address import parse_address
from cocoon.payout.sending.rules import Lane, SendingRules
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.ton.highload import DEFAULT_SUBWALLET, DEFAULT_TIMEOUT, HighloadWallet

_Amount = Annotated[str, Meta(pattern="^(0|[1-9][0-9]{0,18})$")]


class PaymentSettings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`key_file`: the wallets' private key. One wallet for each of `lanes`. Amounts in nanoTON, times in seconds.

    Owners may ask to be paid from a higher minimum on and after a longer delay, up to `highest_minimum_payout` and
    `longest_delay`. `funders`: addresses whose coins are deposits. `round_every`: between two looks at the chain.
    """

    key_file: str
    lanes: Annotated[int, Meta(ge=1, le=64)] = 1
    first_subwallet: Annotated[int, Meta(ge=0, lt=2**32 - 64)] = DEFAULT_SUBWALLET
    timeout: Annotated[int, Meta(ge=60, lt=2**22)] = DEFAULT_TIMEOUT
    minimum_payout: _Amount = "10000000000"
    maximum_delay: Annotated[float, Meta(ge=0)] = 86_400.0
    highest_minimum_payout: _Amount = "1000000000000"
    longest_delay: Annotated[float, Meta(ge=0)] = 2_592_000.0
    daily_cap: _Amount = str(MOST_NANOTON)
    daily_cap_per_provider: _Amount = str(MOST_NANOTON)
    reserve: _Amount = "1000000000"
    bounce: bool = False
    funders: tuple[str, ...] = ()
    round_every: Annotated[float, Meta(gt=0)] = 2.0


def rules_of(settings: PaymentSettings, workchains: tuple[int, ...] = (0,)) -> SendingRules:
    """The rules. Raises ValueError for a funder's address that is none."""
    return SendingRules(
        minimum_payout=parse_nanoton(settings.minimum_payout),
        maximum_delay=settings.maximum_delay,
        highest_minimum=parse_nanoton(settings.highest_minimum_payout),
        longest_delay=settings.longest_delay,
        daily_cap=parse_nanoton(settings.daily_cap),
        daily_cap_per_provider=parse_nanoton(settings.daily_cap_per_provider),
        reserve=parse_nanoton(settings.reserve),
        bounce=settings.bounce,
        workchains=workchains,
        funders=tuple(parse_address(text) for text in settings.funders),
    )


def lanes_of(settings: PaymentSettings, public_key: bytes) -> tuple[Lane, ...]:
    """The wallets of a key."""
    numbers = range(settings.first_subwallet, settings.first_subwallet + settings.lanes)
    return tuple(Lane(HighloadWallet(public_key, number, settings.timeout)) for number in numbers)
