"""Plain HTTP for kubelet and Prometheus: no secrets, no control."""

from __future__ import annotations

from aiohttp import web

from cocoon.runner.jobs import Jobs
from cocoon.runner.metrics import Metrics
from cocoon.runner.signing import Signer
from cocoon.runner.triton import Triton
from cocoon.runner.triton_metrics import NoFigures, triton_figures


class Health:
    """Ready: Triton answers, the journal can be written, and the server is not shutting down."""

    def __init__(
        self, triton: Triton, signer: Signer, jobs: Jobs, metrics: Metrics, triton_metrics: str = "127.0.0.1:8002"
    ) -> None:
        self._triton = triton
        self._signer = signer
        self._jobs = jobs
        self._metrics = metrics
        self._triton_metrics = triton_metrics

    def application(self) -> web.Application:
        """The application with its routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._render),
                web.get("/metrics/triton", self._render_triton),
                web.get("/healthz", self._alive),
                web.get("/readyz", self._ready),
            ]
        )
        return app

    async def _render(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), content_type="text/plain")

    async def _render_triton(self, _request: web.Request) -> web.Response:
        try:
            return web.Response(text=await triton_figures(self._triton_metrics))
        except NoFigures as error:
            return web.Response(text=f"{error}\n", status=503)

    async def _alive(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        reason = await self._why_not()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    async def _why_not(self) -> str:
        if self._jobs.draining:
            return "The server is shutting down."
        if self._signer.stuck:
            return self._signer.stuck
        return "" if await self._triton.live() else "Triton does not answer."
