"""How keyrings and runners listen: until the end of a stack, and with TLS by a key that evidence binds."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack

from aiohttp import web

from cocoon.api.environment import Address
from cocoon.attest import tls


async def serve(
    stack: AsyncExitStack, application: web.Application, address: Address, context: ssl.SSLContext | None = None
) -> int:
    """Listen until the stack ends; the port, which is any free one if the address has 0. Raises OSError."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, address.host, address.port, ssl_context=context).start()
    port: int = runner.addresses[0][1]
    return port


def server_context(identity: tls.Identity) -> ssl.SSLContext:
    """TLS 1.3 with this key; callers need no certificate unless the context is told so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load(context, identity)
    return context
