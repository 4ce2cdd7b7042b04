"""The HTTP server (uvicorn) around the application. It leaves signals alone, so that all behind it ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from cocoon.payout.settings import HttpSettings


@asynccontextmanager
async def listening(app: FastAPI, settings: HttpSettings) -> AsyncIterator[int]:
    """Serve until the end of the block; the port. Calls under way are answered before it ends."""
    config = _config(app, settings)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    working = asyncio.create_task(server.main_loop())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await working
        await server.shutdown()


def _config(app: FastAPI, settings: HttpSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.certificate_file or None,
        ssl_keyfile=settings.key_file or None,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=10,
        limit_concurrency=512,
    )
