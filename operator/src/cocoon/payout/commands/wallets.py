"""`wallets`: the addresses of the hot wallets, one a line. Somebody has to fund them, and nobody else knows them."""

from __future__ import annotations

from pathlib import Path

from cocoon.payout.sending.key_file import BadKeyFile, read_key
from cocoon.payout.sending.settings import lanes_of
from cocoon.payout.settings import BadSettings, Settings


def addresses(settings: Settings) -> list[str]:
    """Of each lane, in order, as wallets show them. Raises BadSettings if nobody is paid or the key is missing."""
    if settings.payments is None:
        raise BadSettings("payments: the settings name no wallet: nobody is paid.")
    try:
        key = read_key(Path(settings.payments.key_file))
    except BadKeyFile as error:
        raise BadSettings(f"payments.keyFile: {error}") from None
    lanes = lanes_of(settings.payments, key.public_key().public_bytes_raw())
    return [lane.address.friendly() for lane in lanes]
