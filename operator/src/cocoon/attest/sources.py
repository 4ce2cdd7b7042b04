"""Where collateral comes from: a folder, a mirror of such a folder, or the vendors' own services.

All of it authenticates itself, so a source can withhold and delay but not forge. Every answer is read within a bound
and a time; a source that fails says why in a few words, which end up in the verdict's reasons.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import aiohttp
from msgspec import Struct

from cocoon.attest.collateral import MAXIMUM_BYTES, Need

#: Seconds for one request.
PATIENCE: Final = 10.0
#: What a name may look like: it becomes a path, and parts of it come from evidence that nobody has checked yet.
NAME: Final = re.compile(r"[a-z]+(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,159}){1,4}")


class Unavailable(Exception):
    """A source does not have a piece of collateral, or can't be reached; the message is a few words, no sentence."""


class Source(Protocol):
    """Anything that has collateral."""

    async def fetch(self, need: Need) -> bytes:
        """One piece, at most MAXIMUM_BYTES long. Raises Unavailable."""


class Folder(Struct, frozen=True):
    """Collateral in files, for sites without a network and as a memory across restarts."""

    path: Path

    async def fetch(self, need: Need) -> bytes:
        """The content of the file of this name. Raises Unavailable."""
        return await asyncio.to_thread(self._read, need.name)  # a slow disk must not hold up the event loop

    def _read(self, name: str) -> bytes:
        checked(name)
        try:
            with (self.path / name).open("rb") as file:
                return bounded(file.read(MAXIMUM_BYTES + 1))
        except OSError as error:
            raise Unavailable(f"no file of that name in {self.path} ({error.strerror})") from None

    async def keep(self, name: str, content: bytes) -> None:
        """Write a piece, or leave it: a disk that is full costs a memory, not a verdict."""
        if NAME.fullmatch(name):
            await asyncio.to_thread(self._write, name, content)  # as above

    def _write(self, name: str, content: bytes) -> None:
        at = self.path / name
        part = at.with_name(f".{at.name}.{os.getpid()}")
        try:
            at.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(at)
        except OSError:
            part.unlink(missing_ok=True)


class Answer(Struct, frozen=True):
    """What a web server said."""

    content: bytes
    headers: dict[str, str]


class Web:
    """HTTP with bounds: size, time, no redirects. Proxies are those of the environment.

    `more_authorities` (PEM) are trusted besides the public ones.
    """

    def __init__(self, more_authorities: str = "") -> None:
        self._more = more_authorities
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open it."""
        limit = aiohttp.ClientTimeout(total=PATIENCE)
        context = ssl.create_default_context()
        if self._more:
            context.load_verify_locations(cadata=self._more)
        connector = aiohttp.TCPConnector(ssl=context)
        self._session = aiohttp.ClientSession(connector=connector, timeout=limit, trust_env=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, address: str, body: bytes = b"") -> Answer:
        """GET, or POST an OCSP request. Raises Unavailable."""
        if self._session is None:
            raise Unavailable("its source is closed")
        verb, headers = ("POST", {"Content-Type": "application/ocsp-request"}) if body else ("GET", {})
        try:
            async with self._session.request(
                verb, address, data=body or None, headers=headers, allow_redirects=False
            ) as answer:
                content = bounded(await _read(answer.content))
                status, fields = answer.status, {name.lower(): value for name, value in answer.headers.items()}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            host = address.split("/")[2] if "//" in address else address
            raise Unavailable(f"{host[:80]} can't be reached ({type(error).__name__})") from None
        if status != 200:
            raise Unavailable(f"{address.split('/')[2][:80]} answered with status {status}")
        return Answer(content, fields)


class OverTheWeb:
    """A source behind web servers. Use it as a context manager."""

    def __init__(self, more_authorities: str = "") -> None:
        self._web = Web(more_authorities)

    async def __aenter__(self) -> Self:
        """Open it."""
        await self._web.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._web.__aexit__(kind, error, trace)


class Mirror(OverTheWeb):
    """A web server that has the folder's files under one address."""

    def __init__(self, address: str, more_authorities: str = "") -> None:
        super().__init__(more_authorities)
        self._address = address.rstrip("/")

    async def fetch(self, need: Need) -> bytes:
        """GET the file of this name. Raises Unavailable."""
        checked(need.name)
        return (await self._web.get(f"{self._address}/{need.name}")).content


async def _read(stream: aiohttp.StreamReader) -> bytes:
    found = bytearray()
    async for chunk in stream.iter_any():
        found += chunk
        if len(found) > MAXIMUM_BYTES:
            break
    return bytes(found)


def bounded(content: bytes) -> bytes:
    """The content unless it is larger than any collateral is. Raises Unavailable."""
    if len(content) > MAXIMUM_BYTES:
        raise Unavailable(f"it has more than {MAXIMUM_BYTES} bytes")
    return content


def checked(name: str) -> None:
    """Raises Unavailable unless this may be a name of collateral."""
    if not NAME.fullmatch(name):
        raise Unavailable("its name is no name of collateral")
