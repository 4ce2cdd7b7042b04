"""The runner put together: what is opened, in which order, and how it is shut down."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from cocoon.api.environment import SettingsError
from cocoon.attest.channel import verifying
from cocoon.attest.collect import Collector
from cocoon.attest.library import Library
from cocoon.attest.listening import serve, server_context
from cocoon.attest.opening import open_library
from cocoon.attest.turns import OneAtATime
from cocoon.runner.contact import Contact
from cocoon.runner.events import Events
from cocoon.runner.health import Health
from cocoon.runner.http_api import Api
from cocoon.runner.jobs import Jobs
from cocoon.runner.journal import Journal
from cocoon.runner.keyrings import Keyrings
from cocoon.runner.keys import KeyRing, make_keys
from cocoon.runner.metrics import Metrics
from cocoon.runner.models import Models
from cocoon.runner.settings import Settings
from cocoon.runner.signing import Signer
from cocoon.runner.sources import STAGING, Sources
from cocoon.runner.surroundings import Surroundings
from cocoon.runner.triton import Triton
from cocoon.runner.web import Web

#: Seconds that the last receipts may take to be fetched once nothing runs any more.
CLOSING: Final = 2.0
_log = logging.getLogger(__name__)


class Runner:
    """One runner; use as an async context manager. Listens once it is entered."""

    def __init__(self, settings: Settings, triton: Triton, collector: Collector) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.keys = make_keys(datetime.now(UTC))
        self._triton = triton
        self._collector = OneAtATime(collector)
        self._stack = AsyncExitStack()
        self.ports: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self._open()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        settings, stack = self.settings, self._stack
        _clear(settings)
        journal = Journal(settings.journal / "journal")
        self.events = Events(journal)
        await self.events.open()
        stack.callback(journal.close)
        self._report(journal)
        outside = await stack.enter_async_context(Web(settings))
        self.models = Models(settings, self._triton, Sources(settings, outside), self.metrics)
        stack.push_async_callback(self.models.close)
        self.contact = Contact(time.monotonic)
        signer = Signer(self.keys, self._collector.tee, self._collector.trust, settings.payee, time.time)
        around = Surroundings(
            settings=settings,
            triton=self._triton,
            models=self.models,
            web=outside,
            events=self.events,
            signer=signer,
            keyrings=self._keyrings(await stack.enter_async_context(self._collateral())),
            contact=self.contact,
            metrics=self.metrics,
            now=time.time,
        )
        self.jobs = Jobs(around, self._collector.trust)
        stack.push_async_callback(self.jobs.close)
        self._watch(stack)
        await self._listen(around, signer)

    def _collateral(self) -> AbstractAsyncContextManager[Library]:
        return open_library(self.settings.collateral, "", time.time, self.settings.ca_bundle)

    def _keyrings(self, library: Library) -> Keyrings:
        return Keyrings(
            keys=self.keys,
            collector=self._collector,
            payee=self.settings.payee,
            judge=verifying(time.time, library),
            test_roots=self.settings.test_roots,
        )

    def _report(self, journal: Journal) -> None:
        self.metrics.journal_damaged.inc(journal.damaged)
        self.metrics.unacknowledged.set_function(lambda: self.events.unacknowledged)
        if journal.damaged:
            _log.error("journal damaged", extra={"records": journal.damaged})

    def _watch(self, stack: AsyncExitStack) -> None:
        task = asyncio.create_task(self.models.watch())
        stack.callback(task.cancel)

    async def _listen(self, around: Surroundings, signer: Signer) -> None:
        context, pins = _operators_context(self.keys, self.settings.operator_certificates)
        api = Api(around, self.jobs, self.keys, self._collector, pins)
        health = Health(self._triton, signer, self.jobs, self.metrics, self.settings.triton_metrics)
        self.ports["health"] = await serve(self._stack, health.application(), self.settings.health)
        self.ports["api"] = await serve(self._stack, api.application(), self.settings.api, context)

    async def drain(self) -> None:
        """Take nothing new, finish what runs within the grace, and wait for its receipts to be fetched."""
        self.jobs.draining = True
        _log.info("draining", extra={"running": len(self.jobs.running), "unacknowledged": self.events.unacknowledged})
        try:
            async with asyncio.timeout(self.settings.grace):
                await self.jobs.quiet()
                await self._fetched()
        except TimeoutError:
            await self.jobs.drain()
            await self._last_chance()

    async def _fetched(self) -> None:
        while self.events.unacknowledged:
            await self.events.news()

    async def _last_chance(self) -> None:
        try:
            async with asyncio.timeout(CLOSING):
                await self._fetched()
        except TimeoutError:
            _log.error("receipts not fetched", extra={"unacknowledged": self.events.unacknowledged})


def _clear(settings: Settings) -> None:
    """Remove what an earlier start left half done."""
    for folder in (settings.journal / "spool", settings.models / STAGING):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)


def _operators_context(keys: KeyRing, certificates: str) -> tuple[ssl.SSLContext, frozenset[bytes]]:
    """TLS 1.3 for peers with one of these certificates (PEM), and the certificates in DER. Raises SettingsError."""
    context = server_context(keys.tls)
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(cadata=certificates)
        found = x509.load_pem_x509_certificates(certificates.encode())
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"COCOON_OPERATOR_CERTIFICATES can't be read: {error}.") from None
    return context, frozenset(certificate.public_bytes(Encoding.DER) for certificate in found)
