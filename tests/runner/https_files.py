"""An HTTPS server on 127.0.0.1 for inputs and outputs, as a client's store of presigned URLs would be."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from cocoon.attest import tls

IDENTITY = tls.make_identity("localhost", datetime.now(UTC))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Files:
    """What can be got, what was put, and how each path misbehaves."""

    def __init__(self) -> None:
        self.port = 0
        self.content: dict[str, bytes] = {}
        self.put: dict[str, bytes] = {}
        self.status: dict[str, int] = {}
        self.handlers: dict[str, Handler] = {}
        self.requests: list[str] = []

    def uri(self, path: str) -> str:
        """Where a path is, with a query that nobody may log."""
        return f"https://localhost:{self.port}/{path}?signature=secret"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        path = request.path.lstrip("/")
        self.requests.append(f"{request.method} {path}")
        if path in self.handlers:
            return await self.handlers[path](request)
        if path in self.status:
            return web.Response(status=self.status[path], headers={"Location": "https://localhost/elsewhere"})
        if request.method == "PUT":
            self.put[path] = await request.read()
            return web.Response(status=200)
        found = self.content.get(path)
        return web.Response(status=404) if found is None else web.Response(body=found)


@asynccontextmanager
async def serving() -> AsyncIterator[Files]:
    """The server."""
    files = Files()
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", files.handle)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load(context, IDENTITY)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    files.port = runner.addresses[0][1]
    try:
        yield files
    finally:
        await runner.cleanup()
