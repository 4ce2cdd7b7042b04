"""Whether the service lives and is ready, and its figures. None of it names anybody."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from cocoon.payout.audit import show
from cocoon.payout.http.edge import Part, described

ROUTES = APIRouter()


@ROUTES.get("/healthz", **described(None, {200: "text/plain"}))
async def get_health() -> Response:
    """The process answers."""
    return Response("ok\n", media_type="text/plain")


@ROUTES.get("/readyz", **described(None, {200: "text/plain"}))
async def get_readiness(service: Part) -> Response:
    """The database answers, and this process may write to it."""
    async with service.store.writing() as connection:
        await connection.execute(text("SELECT 1"))
        return Response("ok\n", media_type="text/plain")


@ROUTES.get("/metrics", **described(None, {200: "text/plain"}))
async def get_metrics(service: Part) -> Response:
    """Figures for Prometheus."""
    await show(service.store, service.metrics)
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
