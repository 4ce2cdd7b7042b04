"""Evidence, credits and receipts from the archive, put into empty books as they were decided when they came.

A record is in the archive before it is in the books, so one may be there that the books then refused or lost; it was
handed in again, and stands there again. So the last word on a receipt holds, and the last accepted one of a job.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import parse_nanoton
from cocoon.api.payout import Credit, WorkAnswer, WorkState
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.receipts import open_receipt, thumbprint
from cocoon.payout.archive import Archive, CreditTaken, DriftTaken, EvidenceTaken, ReceiptTaken, TestOrdered
from cocoon.payout.by_hand import drift_entry, test_entry
from cocoon.payout.clients import credit_entry
from cocoon.payout.evidence import register
from cocoon.payout.ledger.entries import post
from cocoon.payout.work import books
from cocoon.payout.work.case import Case, Submission, Window
from cocoon.payout.work.decide import Excerpt, Taken, entries_of
from cocoon.payout.work.reading import issuer

_CHUNK: Final = 500


class BadArchive(Exception):
    """The archive can't be put into books; the message says which record and why."""


class _Named(Struct):
    sub: str


class Replayed(Struct):
    """How many of each were put into the books."""

    evidence: int = 0
    credits: int = 0
    receipts: int = 0


async def replay(connection: AsyncConnection, archive: Archive) -> Replayed:
    """Everything, in the order in which it came. Raises BadArchive."""
    try:
        last, accepted = _last_words(archive)
        found = Replayed()
        waiting: list[ReceiptTaken] = []
        for place, record in enumerate(archive.read()):
            if isinstance(record, EvidenceTaken):
                await _evidence(connection, record)
                found.evidence += 1
            elif isinstance(record, CreditTaken):
                await _flush(connection, waiting, accepted)
                given = Credit(record.id, record.amount)
                found.credits += await post(
                    connection, [credit_entry(record.cluster, record.namespace, given, record.at)]
                )
            elif isinstance(record, TestOrdered):
                await post(connection, [test_entry(record)])
            elif isinstance(record, DriftTaken):
                await post(connection, [drift_entry(record)])
            elif last[_digest(record)] == place:
                waiting.append(record)
                found.receipts += 1
            if len(waiting) >= _CHUNK:
                await _flush(connection, waiting, accepted)
        await _flush(connection, waiting, accepted)
    except ValueError as error:
        raise BadArchive(f"The archive can't be replayed: {error}") from error
    return found


def _last_words(archive: Archive) -> tuple[dict[bytes, int], dict[str, bytes]]:
    """Where each receipt stands last, and which receipt of each job was accepted last."""
    last: dict[bytes, int] = {}
    accepted: dict[str, bytes] = {}
    for place, record in enumerate(archive.read()):
        if isinstance(record, ReceiptTaken):
            last[_digest(record)] = place
            if record.state == "Accepted":
                accepted[_job(record)] = _digest(record)
    return last, accepted


def _digest(record: ReceiptTaken) -> bytes:
    return hashlib.sha256(record.receipt.encode()).digest()


def _job(record: ReceiptTaken) -> str:
    """The job that a receipt is of; its signature was checked when it came, and is again before it is booked."""
    payload = record.receipt.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Named).sub


async def _evidence(connection: AsyncConnection, record: EvidenceTaken) -> None:
    bundle = bundles.decode(record.bundle)
    # It was verified when it was taken, with the collateral of that time; only trusted evidence is in the archive.
    trust = Trust.TEST if bundle.tee == "development" else Trust.HARDWARE
    shown = register.Shown(bundle, record.bundle, bundles.digest(bundle), trust, record.closes)
    window = Window(record.opens, record.closes)
    await register.write(connection, thumbprint(bundle.keys.receipt), shown, window, record.at)


async def _flush(connection: AsyncConnection, waiting: list[ReceiptTaken], accepted: dict[str, bytes]) -> None:
    taken = await _taken(connection, waiting, accepted)
    await books.write(connection, taken, Excerpt(), 0.0)
    waiting.clear()


async def _taken(
    connection: AsyncConnection, records: Sequence[ReceiptTaken], accepted: dict[str, bytes]
) -> list[Taken]:
    servers = await books.servers(connection, (issuer(record.receipt) for record in records))
    found: list[Taken] = []
    for record in records:
        server = servers.get(issuer(record.receipt))
        if server is None:
            raise BadArchive(f"There is no evidence of the key {issuer(record.receipt)} before its receipts.")
        case = Case(
            Submission(record.receipt, record.cluster),
            open_receipt(record.receipt, server.public_key),
            server,
            record.at,
        )
        found.append(_decided(case, record, accepted))
    return found


def _decided(case: Case, record: ReceiptTaken, accepted: dict[str, bytes]) -> Taken:
    wins = record.state == "Accepted" and accepted[_job(record)] == _digest(record)
    state: WorkState = "Superseded" if record.state == "Accepted" and not wins else record.state
    share = parse_nanoton(record.fee if wins else "0")
    answer = WorkAnswer(case.claims.jti, state, case.claims.cost, str(share))
    return Taken(case, answer, entries_of(case, share) if wins else ())
