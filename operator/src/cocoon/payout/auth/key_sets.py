"""The public keys of one cluster's tokens: pinned to a file or to an address, and read again when a key is not known.

Kubernetes rotates its signing keys, so a token can come with a key that is new. Strangers can also invent key ids, so
the source is asked at most every few seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from cocoon.api.times import Instant
from cocoon.payout.settings import KeySource

Key = RSAKey | ECKey | OKPKey
_LOG: Final = logging.getLogger(__name__)
#: Seconds between two looks at a source.
PATIENCE: Final = 5.0
_DEADLINE: Final = aiohttp.ClientTimeout(total=5)
_MOST_BYTES: Final = 1 << 20


class ClusterKeys:
    """Keys by their id (`kid`)."""

    def __init__(self, source: KeySource, now: Callable[[], Instant]) -> None:
        self._source = source
        self._now = now
        self._keys: dict[str, Key] = {}
        self._asked: Instant = float("-inf")
        self._turn = asyncio.Lock()

    async def find(self, kid: str) -> Key | None:
        """The key of this id, if the source names it now or did when it was last asked."""
        if kid not in self._keys:
            async with self._turn:
                if kid not in self._keys and self._now() - self._asked >= PATIENCE:
                    self._asked = self._now()
                    await self._read()
        return self._keys.get(kid)

    async def _read(self) -> None:
        try:
            raw = await (self._fetch() if self._source.url else asyncio.to_thread(Path(self._source.file).read_bytes))
            self._keys = _by_id(raw)
        except (OSError, TimeoutError, aiohttp.ClientError, JoseError, ValueError, TypeError, KeyError) as error:
            _LOG.warning("keys not read", extra={"source": self._source.url or self._source.file, "why": _why(error)})

    async def _fetch(self) -> bytes:
        source = self._source
        headers = {}
        if source.token_file:
            token = await asyncio.to_thread(Path(source.token_file).read_text)
            headers["Authorization"] = f"Bearer {token.strip()}"
        tls = await asyncio.to_thread(ssl.create_default_context, cafile=source.ca_file or None)
        async with (
            aiohttp.ClientSession(timeout=_DEADLINE, connector=aiohttp.TCPConnector(ssl=tls)) as session,
            session.get(source.url, headers=headers, allow_redirects=False) as answer,
        ):
            answer.raise_for_status()
            return await answer.content.read(_MOST_BYTES)


def _by_id(raw: bytes) -> dict[str, Key]:
    """The public keys of a JWK set (RFC 7517)."""
    found: dict[str, Any] = json.loads(raw)
    keys = KeySet.import_key_set(found)  # type: ignore[arg-type]  # its fields are checked there
    return {key.kid: key for key in keys.keys if key.kid and isinstance(key, RSAKey | ECKey | OKPKey)}


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:120]}"
