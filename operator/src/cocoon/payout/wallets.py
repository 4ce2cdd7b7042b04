"""Which payees can be paid: an address of an existing workchain and the right network, unmistyped."""

from __future__ import annotations

from cocoon.api.ton_address import Address, AddressError, parse_address
from cocoon.payout.refusal import Refusal
from cocoon.payout.terms import Terms


def payable(text: str, terms: Terms) -> Address | Refusal:
    """The address, or why nothing is ever sent there."""
    try:
        address = parse_address(text)
    except AddressError as error:
        return Refusal(error.code if error.code != "InvalidAddress" else type(error).__name__, "payee", str(error))
    if address.workchain not in terms.workchains:
        return Refusal("WrongWorkchain", "payee", f"Wallets on workchain {address.workchain} are not paid here.")
    if address.test_only and not terms.development:
        return Refusal("WrongNetwork", "payee", "The wallet's address is for test networks only: give its real one.")
    return address
