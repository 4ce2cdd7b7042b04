"""`rebuild`: the command."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from cocoon.payout.reconciling.rebuild import NotEmpty, rebuild
from cocoon.payout.reconciling.replaying import BadArchive
from cocoon.payout.sending.books import WrongWallet
from cocoon.payout.sending.key_file import BadKeyFile
from cocoon.payout.sending.paying import sending_parts
from cocoon.payout.settings import Settings, open_archive, terms_of, zero_state
from cocoon.payout.store.writer import Store
from cocoon.ton.chain import ChainError

_LOG: Final = logging.getLogger(__name__)


class BadRebuild(Exception):
    """The books could not be made; the message says why. Start over with an empty database."""


async def run(settings: Settings) -> None:
    """Fill the empty database of the settings from their archive and their chain. Raises BadRebuild, BadSettings."""
    if settings.payments is None:
        raise BadRebuild("payments: the settings name no wallet, so there is no history to read.")
    config = Path(settings.chain.global_config)
    terms = terms_of(settings, await asyncio.to_thread(zero_state, config))
    try:
        async with Store(settings.database_url) as store, sending_parts(settings.payments, config, store) as parts:
            found = await rebuild(parts, open_archive(settings), terms)
    except (NotEmpty, BadArchive, BadKeyFile, WrongWallet, ChainError, ValueError) as error:
        raise BadRebuild(str(error)) from error
    counts = {"receipts": found.replayed.receipts, "credits": found.replayed.credits, "transfers": found.transfers}
    _LOG.info("rebuilt", extra={**counts, "lanes": found.lanes, "drift": found.drift, "quiet_until": found.quiet_until})
    if found.drift:
        raise BadRebuild(
            f"The wallets have {found.drift} nanoTON that archive and chain don't explain: see docs/runbooks/drift.md."
        )
