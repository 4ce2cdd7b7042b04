"""HTTPS to the outside: inputs, model downloads, outputs. Redirects are never followed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

import aiohttp
from yarl import URL

from cocoon.runner.addresses import AddressRefused, PublicResolver, check_literal
from cocoon.runner.settings import Settings

CHUNK: Final = 1 << 18
CONNECT: Final = 10.0
SILENCE: Final = 60.0
_TRIES: Final = 3
_LONGEST_URL: Final = 8_192


class WebError(Exception):
    """The URL can't be used; `lasting` says that it won't help to try again. The message names no query."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


class Web:
    """One client session; use as an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._check = not settings.allow_private_addresses

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context()
        if self._settings.ca_bundle:
            context.load_verify_locations(cadata=self._settings.ca_bundle)
        resolver = PublicResolver() if self._check and not self._settings.proxy else None
        connector = aiohttp.TCPConnector(ssl=context, resolver=resolver, limit=64, use_dns_cache=False)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=SILENCE)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def get(self, uri: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a 200 in chunks. Raises WebError, also while the chunks are read."""
        url = self._url(uri)
        response = await self._first_answer(url, headers or {})
        try:
            yield _body(response)
        finally:
            response.close()

    async def _first_answer(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._answer(url, headers)
            except WebError as error:
                if error.lasting or attempt == _TRIES:
                    raise
            await asyncio.sleep(0.25 * 2**attempt)
        raise AssertionError("the last try returns or raises")

    async def _answer(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        with _translated():
            response = await self._session.get(
                url, headers=dict(headers), allow_redirects=False, proxy=self._proxy(url)
            )
        if response.status != 200:
            response.close()
            raise _refusal(response.status)
        return response

    async def put(self, uri: str, size: int, chunks: Callable[[], AsyncIterator[bytes]]) -> None:
        """PUT a body of known size; `chunks` gives it again for each try. Raises WebError."""
        url = self._url(uri)
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._put(url, size, chunks())
            except WebError as error:
                if error.lasting or attempt == _TRIES:
                    raise
            await asyncio.sleep(0.25 * 2**attempt)
        return None

    async def _put(self, url: URL, size: int, body: AsyncIterator[bytes]) -> None:
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        with _translated():
            async with self._session.put(
                url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy(url)
            ) as response:
                status = response.status
        if status not in (200, 201, 204):
            raise _refusal(status)

    def _url(self, uri: str) -> URL:
        if len(uri) > _LONGEST_URL:
            raise WebError(f"the address has more than {_LONGEST_URL} characters", lasting=True)
        try:
            url = URL(uri, encoded=True)
        except ValueError:
            raise WebError("the address is no URL", lasting=True) from None
        if url.scheme != "https" or not url.host:
            raise WebError("only https addresses are opened", lasting=True)
        if url.user or url.password:
            raise WebError("an address must not hold a user or a password", lasting=True)
        if self._check and _is_literal(url.host):
            _refuse_special(url.host)
        return url

    def _proxy(self, url: URL) -> str | None:
        host = url.host or ""
        direct = any(name == "*" or host == name.lstrip(".") or host.endswith("." + name.lstrip("."))
                     for name in self._settings.no_proxy)  # fmt: skip
        return None if direct or not self._settings.proxy else self._settings.proxy


def _is_literal(host: str) -> bool:
    """Whether the client library connects to this host without resolving it: also to 2130706433 and 127.1."""
    return ":" in host or host.replace(".", "").isdigit()


def _refuse_special(host: str) -> None:
    try:
        check_literal(host)
    except AddressRefused as error:
        raise WebError(str(error), lasting=True) from None


class _translated:  # noqa: N801 - a context manager that reads as a participle
    """Turns the client library's errors into WebError, without the URL, whose query is a credential."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefused):
            raise WebError(str(error.os_error), lasting=True) from None
        if isinstance(error, AddressRefused):
            raise WebError(str(error), lasting=True) from None
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            raise WebError("the server's certificate is not trusted", lasting=True) from None
        if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError)):
            raise WebError(f"the server can't be reached ({type(error).__name__})", lasting=False) from None


def _refusal(status: int) -> WebError:
    if 300 <= status < 400:
        return WebError(f"the server redirects (HTTP {status}), and redirects are not followed", lasting=True)
    lasting = 400 <= status < 500 and status not in (408, 425, 429)
    return WebError(f"the server answers HTTP {status}", lasting=lasting)


async def _body(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    with _translated():
        async for chunk in response.content.iter_chunked(CHUNK):
            yield chunk


async def file_chunks(path: Path) -> AsyncIterator[bytes]:
    """A file's content; reads happen on a thread."""
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
