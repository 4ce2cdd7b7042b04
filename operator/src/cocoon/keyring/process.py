"""The keyring put together: listens at once, so that others hear that it has no identity yet, then gets one."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self

from cocoon.attest.channel import verifying
from cocoon.attest.collect import Collector
from cocoon.attest.library import Library
from cocoon.attest.listening import serve, server_context
from cocoon.keyring import health
from cocoon.keyring.beginning import PAUSE, Beginning, begin
from cocoon.keyring.counting import Counting, Places
from cocoon.keyring.http_api import Api
from cocoon.keyring.metrics import Metrics
from cocoon.keyring.release import Releasing
from cocoon.keyring.replica import Replica
from cocoon.keyring.settings import Settings


class Keyring:
    """One replica; use as an async context manager. Listens once it is entered."""

    def __init__(
        self,
        settings: Settings,
        collector: Collector,
        now: Callable[[], float] = time.time,
        library: Library | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.replica = Replica(settings.terms, collector, verifying(now, library), now)
        self.ports: dict[str, int] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self._open()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        counting = Counting(self.replica, Places(self.settings.own, self.settings.peers))
        api = Api(self.replica, Releasing(self.replica, counting), counting, self.metrics)
        watched = health.application(self.replica, self.metrics)
        # Callers show no certificate: their requests are signed with attested keys.
        context = server_context(self.replica.tls)
        self.ports["health"] = await serve(self._stack, watched, self.settings.health)
        self.ports["api"] = await serve(self._stack, api.application(), self.settings.api, context)

    async def begin(self, pause: float = PAUSE) -> None:
        """Return once it has an identity."""
        settings = self.settings
        terms = Beginning(peers=settings.peers, founder=settings.founder, patience=settings.patience, pause=pause)
        await begin(self.replica, terms)
