"""Taking a server's evidence: verified here again, against this service's own policy, whoever hands it in.

The bundle answers another verifier's nonce, so its freshness is not this service's to judge: what it shows is that the
receipt key was made in such a TEE, with such a wallet. Each re-attestation that is handed in extends the time for which
the key's receipts count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.evidence import Bundle
from cocoon.api.payout import Registered
from cocoon.api.times import Instant
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.collateral import NONE, Collateral
from cocoon.attest.library import Library
from cocoon.attest.receipts import thumbprint
from cocoon.attest.verify import verify
from cocoon.payout.archive import Archive, EvidenceTaken
from cocoon.payout.evidence.known import KnownServers
from cocoon.payout.refusal import Refusal, Refused
from cocoon.payout.store.work import EVIDENCE, SERVERS, WINDOWS
from cocoon.payout.terms import Terms
from cocoon.payout.wallets import payable
from cocoon.payout.work.case import Window

#: Seconds for collateral; what takes longer is missing this time, and the evidence is handed in again.
PATIENCE: Final = 40.0


class Shown(Struct, frozen=True):
    """A trusted bundle and what it shows. Times in seconds since 1970."""

    bundle: Bundle
    raw: bytes
    digest: str
    trust: Trust
    not_after: Instant


class Register:
    """Takes evidence."""

    def __init__(
        self, servers: KnownServers, archive: Archive, terms: Terms, library: Library | None, now: Callable[[], Instant]
    ) -> None:
        self._library = library
        self._servers = servers
        self._archive = archive
        self._terms = terms
        self._now = now

    async def take(self, key: str, raw: bytes) -> Registered:
        """Register a bundle of this receipt key. Raises Refused with the reason."""
        now = self._now()
        shown = await asyncio.to_thread(examine, key, raw, self._terms, now, await self._collateral(raw))
        if isinstance(shown, Refusal):
            raise Refused(shown)
        window = Window(now - self._terms.late_evidence, shown.not_after)
        try:
            async with self._servers.store.writing() as connection:
                await self._archive.append([EvidenceTaken(now, raw, window.opens, window.closes)])
                opens = await write(connection, key, shown, window, now)
        finally:
            self._servers.forget(key)
        bundle = shown.bundle
        return Registered(key, shown.digest, shown.trust, bundle.payee, opens, shown.not_after)

    async def _collateral(self, raw: bytes) -> Collateral:
        """What judging these bytes takes, as far as it can be had in time."""
        return await self._library.collect_within(PATIENCE, raw) if self._library is not None else NONE


def examine(key: str, raw: bytes, terms: Terms, now: Instant, collateral: Collateral = NONE) -> Shown | Refusal:
    """What the bytes show, or why they are not believed."""
    try:
        bundle = bundles.decode(raw)
    except bundles.MalformedBundle as error:
        return Refusal("MalformedEvidence", "", str(error))
    if thumbprint(bundle.keys.receipt) != key:
        return Refusal("WrongKey", "keys.receipt", "The evidence is of another receipt key than the one in the path.")
    verdict = verify(raw, bundle.nonce, terms.policy, now, collateral)
    if not verdict.trusted:
        codes = ",".join(reason.code for reason in verdict.reasons)
        return Refusal(f"NotTrusted:{codes}"[:200], "cpu", " ".join(reason.message for reason in verdict.reasons))
    wallet = payable(bundle.payee, terms)
    if isinstance(wallet, Refusal):
        return wallet
    return Shown(bundle, raw, verdict.evidence, verdict.trust, verdict.not_after)


async def write(connection: AsyncConnection, key: str, shown: Shown, window: Window, now: Instant) -> Instant:
    """Put it into the books; when the key's window opens, which may be earlier if one was open already."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {
        "key": key,
        "public_key": shown.bundle.keys.receipt,
        "evidence": shown.digest,
        "payee": shown.bundle.payee,
        "trust": shown.trust.value,
        "registered": now,
    }
    await connection.execute(insert(SERVERS).on_conflict_do_nothing(index_elements=["key"]), [row])
    await _check_same(connection, key, shown)
    newest = insert(EVIDENCE).values(digest=shown.digest, bundle=shown.raw, registered=now)
    changes = {"bundle": newest.excluded.bundle, "registered": newest.excluded.registered}
    await connection.execute(newest.on_conflict_do_update(index_elements=["digest"], set_=changes))
    return await _open(connection, key, window)


async def _check_same(connection: AsyncConnection, key: str, shown: Shown) -> None:
    """A key belongs to one start of one TEE: other evidence of it means that the key has left its TEE."""
    found = (await connection.execute(select(SERVERS.c.evidence).where(SERVERS.c.key == key))).scalar_one()
    if found != shown.digest:
        detail = "This key was registered with other evidence: a receipt key has one TEE and one wallet."
        raise Refused(Refusal("KeyReused", "keys.receipt", detail, 409))


async def _open(connection: AsyncConnection, key: str, window: Window) -> Instant:
    """Join it to the windows that it meets, so that a key attested every hour keeps one row."""
    columns = WINDOWS.c
    meets = (columns.key == key) & (columns.opens <= window.closes) & (columns.closes >= window.opens)
    rows = (await connection.execute(select(columns.opens, columns.closes).where(meets))).all()
    opens: Instant = min([window.opens, *(row.opens for row in rows)])
    closes = max([window.closes, *(row.closes for row in rows)])
    await connection.execute(WINDOWS.delete().where(meets))
    await connection.execute(WINDOWS.insert().values(key=key, opens=opens, closes=closes))
    return opens
