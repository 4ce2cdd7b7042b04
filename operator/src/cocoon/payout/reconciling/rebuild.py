"""After a total loss of the database: books from the archive and the chain alone.

The archive says what was earned; the wallets' histories say what was paid, each payment with the id that leads to its
account. What was signed by the lost service and is still on its way is waited out before anything new is sent.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from sqlalchemy import func, select

from cocoon.api.money import NanoTon
from cocoon.payout.reconciling.reconciler import Reconciler
from cocoon.payout.reconciling.replaying import Replayed, replay
from cocoon.payout.sending import books
from cocoon.payout.sending.sender import SendingParts
from cocoon.payout.stamp import be_quiet, stamp
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.tables import TABLES
from cocoon.payout.store.writer import Store
from cocoon.payout.terms import Terms


class NotEmpty(Exception):
    """The database is in use; the message says by what."""


class Rebuilt(Struct, frozen=True):
    """What the books hold now. A `drift` other than 0 says that the archive or the history is not complete."""

    replayed: Replayed
    transfers: int
    drift: NanoTon
    quiet_until: int


async def rebuild(parts: SendingParts, archive: Path, terms: Terms) -> Rebuilt:
    """Fill an empty database. Raises NotEmpty, BadArchive, WrongChain, ChainErrors, DatabaseAway: then start over.

    All lanes that were ever in use have to be among the parts' lanes.
    """
    head = await parts.chain.head()
    quiet = head.utime + max(lane.wallet.timeout for lane in parts.lanes) + parts.rules.expiry_margin
    await _must_be_empty(parts.store)
    async with parts.store.writing() as connection:
        await stamp(connection, parts.chain.zero_state.root_hash.hex(), terms.trust, head.utime)
        await be_quiet(connection, quiet)
        await books.open_lanes(connection, parts.lanes)
        replayed = await replay(connection, archive, terms)
    reconciler = Reconciler(parts.store, parts.chain, parts.rules)
    states = {lane.number: await reconciler.catch_up(lane) for lane in parts.lanes}
    async with parts.store.reading() as connection:
        transfers = (await connection.execute(select(func.count()).select_from(TRANSFERS))).scalar_one()
    return Rebuilt(replayed, transfers, await reconciler.drift(states), quiet)


async def _must_be_empty(store: Store) -> None:
    async with store.reading() as connection:
        for table in TABLES:
            if (await connection.execute(select(func.count()).select_from(table))).scalar_one():
                raise NotEmpty(f"The database is not empty ({table.name}): rebuild into a new one.")
