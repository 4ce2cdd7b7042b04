"""Paying within the service: nothing, if it was not set up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from cocoon.payout.sending.key_file import BadKeyFile
from cocoon.payout.sending.paying import Paying, sending_parts
from cocoon.payout.settings import BadSettings, Settings
from cocoon.payout.store.writer import Store


@asynccontextmanager
async def paying(settings: Settings, store: Store, registry: CollectorRegistry) -> AsyncIterator[Paying | None]:
    """What pays, as the settings say; none if they say nothing of it. Raises BadSettings."""
    if settings.payments is None:
        yield None
        return
    parts = sending_parts(settings.payments, Path(settings.chain.global_config), store)
    try:
        opened = await parts.__aenter__()
    except (BadKeyFile, ValueError) as error:
        raise BadSettings(f"payments: {error}") from None
    try:
        yield Paying(opened, settings.payments.round_every, registry)
    finally:
        await parts.__aexit__(None, None, None)
