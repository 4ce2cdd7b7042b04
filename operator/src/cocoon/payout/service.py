"""One payout service, put together: the store, the archive, and everything that works on them."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from cocoon.api.times import Instant
from cocoon.attest.opening import open_library
from cocoon.payout.audit import audit, be_audited
from cocoon.payout.auth.callers import Callers
from cocoon.payout.by_hand import ByHand
from cocoon.payout.clients import Clients
from cocoon.payout.evidence.known import KnownServers
from cocoon.payout.evidence.register import Register
from cocoon.payout.metrics import Metrics
from cocoon.payout.overview import Overview
from cocoon.payout.owners import Owners
from cocoon.payout.pauses import PauseSwitch
from cocoon.payout.sending.holds import holds
from cocoon.payout.sending.rules import SendingRules
from cocoon.payout.sending.service import paying
from cocoon.payout.sending.settings import rules_of
from cocoon.payout.settings import Settings, open_archive, terms_of, zero_state
from cocoon.payout.stamp import check_trust, stamp
from cocoon.payout.store.writer import Store
from cocoon.payout.terms import Terms
from cocoon.payout.work.intake import Intake

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """The parts that answer calls."""

    store: Store
    terms: Terms
    callers: Callers
    intake: Intake
    register: Register
    clients: Clients
    pauses: PauseSwitch
    owners: Owners
    by_hand: ByHand
    overview: Overview
    metrics: Metrics


@asynccontextmanager
async def running(settings: Settings, now: Callable[[], Instant]) -> AsyncIterator[Service]:
    """A service that takes receipts until the end. Raises BadSettings, WrongChain, NotTheWriter or DatabaseAway."""
    chain = await asyncio.to_thread(zero_state, Path(settings.chain.global_config))
    check_trust(settings.policy.trust, chain, settings.chain.development)
    terms, archive, metrics = terms_of(settings, chain), open_archive(settings), Metrics()
    async with (
        Store(settings.database_url) as store,
        paying(settings, store, metrics.registry) as payments,
        open_library(settings.policy.collateral, settings.policy.collateral_cache, now) as library,
    ):
        async with store.writing() as connection:
            await stamp(connection, chain, settings.policy.trust, now())
        if payments:
            await payments.open()
        servers, rounds = KnownServers(store), payments.payments if payments else None
        rules = rules_of(settings.payments) if settings.payments else SendingRules()
        service = Service(
            store=store,
            terms=terms,
            callers=Callers(settings, now),
            intake=Intake(servers, archive, terms, metrics, now),
            register=Register(servers, archive, terms, library, now),
            clients=Clients(store, archive, now),
            pauses=PauseSwitch(store, now),
            owners=Owners(store, rules, partial(holds, rounds), secrets.token_hex(4), now),
            by_hand=ByHand(store, archive, terms, rounds, now),
            overview=Overview(store),
            metrics=metrics,
        )
        await audit(store, metrics)
        _LOG.info("taking receipts", extra={"chain": chain, "trust": settings.policy.trust.value})
        work = (service.intake.run(), be_audited(store, metrics), *((payments.run(),) if payments else ()))
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(each) for each in work]
            try:
                yield service
            finally:
                for task in background:
                    task.cancel()
                archive.close()
