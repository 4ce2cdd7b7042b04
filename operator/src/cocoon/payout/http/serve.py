"""The HTTP server (uvicorn) around the application."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from cocoon.payout.settings import HttpSettings


def server(app: FastAPI, settings: HttpSettings) -> uvicorn.Server:
    """A server that is not started yet: `await server.serve()`; uvicorn ends it on a signal."""
    config = uvicorn.Config(
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
    return uvicorn.Server(config)
