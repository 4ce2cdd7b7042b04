"""HTTP to the API server: requests with its login, and every failure a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

import aiohttp
import msgspec
from msgspec import Struct

from cocoon.api.resources import Manifest, Resource
from cocoon.cli.failure import Failure, Unreachable
from cocoon.cli.login import Login
from cocoon.cli.refusals import refusal

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
_DEADLINE: Final = aiohttp.ClientTimeout(total=60, connect=5)
#: An idle watch is ended by the API server long before this.
_WATCHING: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=300)


class Request(Struct, frozen=True):
    """One call. `name` is what a refusal speaks of."""

    method: str
    kind: Resource
    path: str
    body: object = None
    name: str = ""
    accept: str = JSON
    content: str = JSON


class Connection:
    """Calls of one user to one API server."""

    def __init__(self, login: Login, session: aiohttp.ClientSession) -> None:
        self._login = login
        self._session = session

    async def call(self, request: Request) -> Manifest:
        """The answer. Raises Failure."""
        try:
            async with self._open(request, _DEADLINE) as answer:
                raw = await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error
        if answer.status >= 300:
            raise refusal(answer.status, raw, request.kind.kind, request.name)
        try:
            found: Manifest = msgspec.json.decode(raw)
        except msgspec.DecodeError as error:
            raise Failure(f"{self._login.url} answers no JSON: it is no Kubernetes API server.") from error
        return found

    async def watch(self, request: Request) -> AsyncIterator[Manifest]:
        """Events until the API server ends the watch; what it can't say this way the caller reads again."""
        try:
            async with self._open(request, _WATCHING) as answer:
                if answer.status != 200:
                    raise refusal(answer.status, await answer.read(), request.kind.kind, request.name)
                try:
                    rest = b""
                    async for chunk in answer.content.iter_any():
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            yield msgspec.json.decode(line)
                finally:
                    _hang_up(answer)
        except aiohttp.ClientPayloadError:
            return
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

    def _open(
        self, request: Request, deadline: aiohttp.ClientTimeout
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        login, headers = self._login, {"Accept": request.accept, "Content-Type": request.content}
        if login.authorization:
            headers["Authorization"] = login.authorization
        return self._session.request(
            request.method,
            login.url + request.path,
            data=None if request.body is None else msgspec.json.encode(request.body),
            headers=headers,
            timeout=deadline,
            proxy=login.proxy or None,
            server_hostname=login.server_name or None,
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        why = str(error) or type(error).__name__
        return Unreachable(
            f"The API server at {self._login.url} can't be reached: {why}. Check --context and the network."
        )


def _hang_up(answer: aiohttp.ClientResponse) -> None:
    """Drop the connection of a watch that nobody reads to its end: TLS's farewell could outlive the event loop."""
    if answer.connection is not None and answer.connection.transport is not None:
        answer.connection.transport.abort()
