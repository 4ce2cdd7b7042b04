"""Metrics, probes and accepted evidence, on one plain port. kopf's own probes can't answer "no", so they are not used.

Alive: the loop's last round is not too old. Ready: the mirror is complete; a standby is ready too, or a roll-out of the
Deployment would wait for a second leader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from cocoon.fleet.act.means import Means
from cocoon.fleet.gauges import set_gauges
from cocoon.fleet.metrics import Metrics

#: A loop that has not come round for this long (seconds) hangs.
STUCK_AFTER: Final = 120.0


class Health:
    """The endpoints' handlers. `beat` is when the last round ended, by the clock's `elapsed`."""

    def __init__(self, means: Means, metrics: Metrics, beat: Callable[[], float]) -> None:
        self._means = means
        self._metrics = metrics
        self._beat = beat

    def application(self) -> web.Application:
        """/metrics, /healthz, /readyz and /v1/evidence/{sha256}."""
        app = web.Application()
        app.router.add_get("/metrics", self._text)
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._is_ready)
        app.router.add_get("/v1/evidence/{digest}", self._evidence)
        return app

    async def _text(self, _request: web.Request) -> web.Response:
        set_gauges(self._means.mirror.snapshot, self._metrics, self._means.clock.now())
        self._metrics.stock.last_round.set(self._means.clock.elapsed() - self._beat())
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _alive(self, _request: web.Request) -> web.Response:
        age = self._means.clock.elapsed() - self._beat()
        return web.Response(text=f"last round {age:.1f} s ago\n", status=200 if age < STUCK_AFTER else 503)

    async def _is_ready(self, _request: web.Request) -> web.Response:
        ready = self._means.mirror.complete.is_set()
        return web.Response(text="ready\n" if ready else "reading the cluster\n", status=200 if ready else 503)

    async def _evidence(self, request: web.Request) -> web.Response:
        bundle = self._means.accepted.find(request.match_info["digest"])
        if bundle is None:
            return web.Response(text="This replica has accepted no such evidence.\n", status=404)
        return web.Response(body=bundle, content_type="application/json")


async def serve(health: Health, host: str, port: int) -> web.AppRunner:
    """Start to serve; `cleanup()` of what is returned ends it."""
    runner = web.AppRunner(health.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
