"""Plain HTTP for kubelet and Prometheus: no secrets, no control. Ready while there is an identity."""

from __future__ import annotations

from aiohttp import web

from cocoon.keyring.metrics import Metrics
from cocoon.keyring.replica import Replica


def application(replica: Replica, metrics: Metrics) -> web.Application:
    """The application with its routes."""
    metrics.ready.set_function(lambda: float(replica.identities.ready))
    metrics.files.set_function(lambda: float(len(replica.releases)))

    async def render(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), content_type="text/plain")

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_request: web.Request) -> web.Response:
        if replica.identities.ready:
            return web.Response(text="ok\n")
        return web.Response(text="This replica waits for the keyring's identity.\n", status=503)

    app = web.Application()
    app.add_routes([web.get("/metrics", render), web.get("/healthz", alive), web.get("/readyz", ready)])
    return app
