"""Reading the payout service's books over HTTP (cocoon.api.payout)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct

from cocoon.api.payout import OwnerAccount, OwnerAccounts, PayoutProblem, Transfer, TransferList, WorkEntry
from cocoon.cli.failure import Failure, Forbidden, Missing, Unreachable

_DEADLINE: Final = aiohttp.ClientTimeout(total=60, connect=5)
_PAGE: Final = "500"
_Kind = TypeVar("_Kind")


class Day(Struct, frozen=True):
    """One line of the statement: a payee's work and payments of one day (UTC), in nanoTON.

    `net` is what the owner gets: `gross` less `fees`. The payout service bears `network_cost`, which the chain took.
    """

    date: str
    cluster: str
    provider: str
    payee: str
    jobs: int
    gross: int
    fees: int
    net: int
    paid: int
    network_cost: int = 0


class Address(Struct, frozen=True):
    """Where a payout service is; `server_name` is what its certificate names, if that is not in the address.

    `advice` is what to do if nobody answers there.
    """

    url: str
    server_name: str = ""
    advice: str = "Check --payout-url and the network."


class PayoutService:
    """One payout service, as one reader."""

    def __init__(self, session: aiohttp.ClientSession, address: Address, token: str) -> None:
        self._session = session
        self._address = address
        self._url = address.url.rstrip("/")
        self._token = token

    async def accounts(self, provider: str = "") -> list[OwnerAccount]:
        """What owners, or one provider's (by uid), are owed and were paid."""
        if provider:
            raw = await self._get(f"/v1/accounts/{quote(provider, safe='')}", {})
            return list(_decoded(raw, OwnerAccounts).accounts)
        found: list[OwnerAccount] = []
        after = ""
        while True:
            page = _decoded(await self._get("/v1/accounts", {"limit": _PAGE, "after": after}), OwnerAccounts)
            found += page.accounts
            if not page.next:
                return found
            after = page.next

    async def transfers(self, provider: str = "", state: str = "") -> list[Transfer]:
        """Payments on the chain, the newest first."""
        found: list[Transfer] = []
        query = {"limit": _PAGE, "provider": provider, "state": state}
        while True:
            page = _decoded(await self._get("/v1/transfers", query), TransferList)
            found += page.transfers
            if not page.next:
                return sorted(found, key=lambda transfer: (-transfer.reserved, transfer.id))
            query["after"] = page.next

    async def receipt(self, jti: str) -> WorkEntry:
        """One receipt as the books have it. Raises Missing."""
        return _decoded(await self._get(f"/v1/receipts/{quote(jti, safe='')}", {}), WorkEntry)

    async def evidence(self, digest: str) -> bytes:
        """The newest bundle of this digest. Raises Missing."""
        return await self._get(f"/v1/evidence/{quote(digest, safe='')}", {})

    @property
    def called(self) -> str:
        """What to call it in a sentence."""
        return f"the payout service at {self._address.server_name or self._url}"

    async def statement(self, provider: str = "", since: float | None = None, until: float | None = None) -> list[Day]:
        """Each payee's days; times are seconds since 1970."""
        times = {"since": since, "until": until}
        query = {"provider": provider} | {name: str(time) for name, time in times.items() if time is not None}
        raw = await self._get("/v1/statement.csv", query)
        try:
            return [msgspec.convert(row, Day, strict=False) for row in csv.DictReader(io.StringIO(raw.decode()))]
        except (msgspec.ValidationError, UnicodeError) as error:
            raise Failure(
                f"The payout service's statement can't be read: {error}. Is it of another release?"
            ) from error

    async def _get(self, path: str, query: Mapping[str, str]) -> bytes:
        chosen = {name: value for name, value in query.items() if value}
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with self._session.get(
                self._url + path,
                params=chosen,
                headers=headers,
                timeout=_DEADLINE,
                server_hostname=self._address.server_name or None,
                allow_redirects=False,
            ) as answer:
                raw = await answer.read()
        except aiohttp.InvalidURL as error:
            raise Failure(f"{self._url} is no address: give --payout-url as https://HOST.") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            where = self._address.server_name or self._url  # a forwarded port tells nobody anything
            raise Unreachable(
                f"The payout service at {where} can't be reached: {_why(error)}. {self._address.advice}"
            ) from error
        if answer.status != 200:
            raise _refusal(self._url, answer.status, raw)
        return raw


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        return error.os_error.strerror or "the connection was closed at once"
    return str(error) or type(error).__name__


def _decoded(raw: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise Failure(f"The payout service's answer can't be read: {error}. Is it of another release?") from error


def _refusal(url: str, status: int, raw: bytes) -> Failure:
    try:
        problem = msgspec.json.decode(raw, type=PayoutProblem)
    except msgspec.MsgspecError:
        return Failure(f"{url} answers {status}, and not as a payout service does: check --payout-url.")
    if status == 401:
        advice = "Its clusters must list this cluster's keys, and the token's audience must be cocoon-payout."
        return Forbidden(f"The payout service does not accept the token: {problem.detail} {advice}")
    if status == 403:
        advice = "Its configuration grants rights to service accounts (callers); choose one that may read: --payout-as."
        return Forbidden(f"The payout service refuses it: {problem.detail} {advice}")
    kind = Missing if status == 404 else Failure
    return kind(f"The payout service answers {status}: {problem.detail}")
