"""What administrators do to the books by hand, each once for its id: test payments, and taking over a drift.

A test payment goes the way of every other: account, reservation, chain, reconciler. What it costs is booked to `test
payments`. A drift is taken over only as exactly as it is: what is missing is written off, what is too much belongs to
nobody yet. Both are archived, for a rebuild has to know them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.api.payout import DriftReport, PayTest, TestPayment
from cocoon.api.times import Instant
from cocoon.payout.archive import Archive, DriftTaken, Record, TestOrdered
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, EntryConflict, post
from cocoon.payout.refusal import Refusal, Refused
from cocoon.payout.sending.holds import holds_of_all
from cocoon.payout.sending.rounds import Payments
from cocoon.payout.store.books import ENTRIES
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.writer import Store
from cocoon.payout.terms import Terms
from cocoon.payout.wallets import payable

#: What a test payment sends: 0.01 TON.
TEST_AMOUNT: Final = NanoTon(10_000_000)
#: The state of a test payment that is in no message, or in one that can't arrive any more.
_ACCRUED: Final = "accrued"


class ByHand:
    """Takes orders of administrators; `payments` is none where nobody is paid."""

    def __init__(
        self, store: Store, archive: Archive, terms: Terms, payments: Payments | None, now: Callable[[], Instant]
    ) -> None:
        self._store = store
        self._archive = archive
        self._terms = terms
        self._payments = payments
        self._now = now

    async def pay_test(self, given: PayTest, by: str) -> tuple[TestPayment, bool]:
        """How far the test payment of this id is, and whether it was ordered just now. Raises Refused."""
        payments = self._paying()
        address = payable(given.payee, self._terms)
        if isinstance(address, Refusal):
            raise Refused(address)
        if address.raw() in payments.sender.own:
            raise Refused(Refusal("OwnWallet", "payee", "This is a hot wallet of this service: name somebody else's."))
        record = TestOrdered(self._now(), given.id, address.raw(), by)
        async with self._store.writing() as connection:
            new = await self._post(connection, test_entry(record), record)
            state, transaction = await _progress(connection, test_entry(record).target)
            held = await holds_of_all(payments, connection, record.payee) if state == _ACCRUED else []
        return TestPayment(given.id, record.payee, str(TEST_AMOUNT), state, transaction, tuple(held)), new

    async def take_drift(self, given: DriftReport, by: str) -> bool:
        """Take over what the wallets and the books differ by now; whether this was new. Raises Refused."""
        last = self._paying().last
        entry = drift_entry(DriftTaken(self._now(), given.id, given.amount, by, given.reason))
        async with self._store.writing() as connection:
            known = await connection.execute(select(ENTRIES.c.id).where(ENTRIES.c.id == entry.id))
            found = last.drift if last else None
            if known.scalar_one_or_none() is None and (found is None or str(found) != given.amount):
                detail = f"The drift is {found if found is not None else 'not known now'}: name exactly what it is."
                raise Refused(Refusal("NotTheDrift", "amount", detail, 409))
            return await self._post(connection, entry, DriftTaken(entry.at, given.id, given.amount, by, given.reason))

    def _paying(self) -> Payments:
        if self._payments is None:
            detail = "This service is not set up to pay: set up `payments` in its settings."
            raise Refused(Refusal("NotPaying", "", detail, 409))
        return self._payments

    async def _post(self, connection: AsyncConnection, entry: Entry, record: Record) -> bool:
        try:
            new = bool(await post(connection, [entry]))
        except EntryConflict:
            detail = "This id was used for something else before: use a new one."
            raise Refused(Refusal("IdReused", "id", detail, 409)) from None
        if new:
            await self._archive.append([record])
        return new


def test_entry(record: TestOrdered) -> Entry:
    """What a test payment moves."""
    owner = accounts.pay_test(record.id, record.payee)
    return Entry(f"test:{record.id}", record.at, accounts.TEST_PAYMENTS, owner, TEST_AMOUNT, "test", record.id)


def drift_entry(record: DriftTaken) -> Entry:
    """What taking over a drift moves. Raises Refused for none."""
    amount = int(record.amount)
    if not amount:
        raise Refused(Refusal("NoDrift", "amount", "There is nothing to take over in a drift of 0."))
    source, target = (accounts.HOT_WALLET, accounts.UNATTRIBUTED)
    if amount < 0:
        source, target = accounts.WRITTEN_OFF, accounts.HOT_WALLET
    return Entry(f"drift:{record.id}", record.at, source, target, NanoTon(abs(amount)), "drift", record.id)


async def _progress(connection: AsyncConnection, owner: accounts.Account) -> tuple[str, str]:
    """State and transaction of the newest transfer from an account; `accrued` while there is none under way."""
    columns = TRANSFERS.c
    query = (
        select(columns.state, columns.transaction).where(columns.account == owner.name).order_by(columns.batch.desc())
    )
    row = (await connection.execute(query.limit(1))).one_or_none()
    return (_ACCRUED, "") if row is None or row.state == "expired" else (row.state, row.transaction)
