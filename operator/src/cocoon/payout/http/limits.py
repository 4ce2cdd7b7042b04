"""Limits on bodies, before anything is parsed.

A body that says to be too large is not read at all; of one that lies about it, no more than the limit is.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cocoon.api.payout import PayoutProblem
from cocoon.payout.http.problems import MEDIA_TYPE

#: A thousand receipts take about 2 MB, evidence with 8 GPUs 100 kB.
MOST_BYTES: Final = 4 << 20


class _TooLarge(Exception):
    """More came than is read."""


class BodyLimit:
    """Refuses large bodies with 413."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._most:
            await self._refuse(send)
            return
        read, answered = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not answered:
                await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        detail = f"At most {self._most} bytes are read: hand in fewer receipts at once."
        body = msgspec.json.encode(PayoutProblem("TooLarge", detail, 413, "Request Entity Too Large", field="body"))
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
