"""After a total loss of the database: books from the archive and the chain alone.

The archive says what was earned; the wallets' histories say what was paid, each payment with the id that leads to its
account. What was signed by the lost service and is still on its way is waited out before anything new is sent.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, structs
from sqlalchemy import func, select

from cocoon.api.money import NanoTon
from cocoon.payout.archive import Archive
from cocoon.payout.reconciling.reconciler import Reconciler
from cocoon.payout.reconciling.replaying import Replayed, replay
from cocoon.payout.sending import books
from cocoon.payout.sending.rules import Lane
from cocoon.payout.sending.sender import SendingParts
from cocoon.payout.stamp import be_quiet, stamp
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.tables import TABLES
from cocoon.payout.store.writer import Store
from cocoon.payout.terms import Terms

#: Subwallet numbers that are looked at: as many as the settings' `lanes` can name.
LOOKED_FOR: Final = 64


class NotEmpty(Exception):
    """The database is in use; the message says by what."""


class Rebuilt(Struct, frozen=True):
    """What the books hold now. A `drift` other than 0 says that the archive or the history is not complete.

    `lanes`: the subwallets whose histories were read; those that the settings don't name were found on the chain.
    """

    lanes: tuple[int, ...]
    replayed: Replayed
    transfers: int
    drift: NanoTon
    quiet_until: int


async def rebuild(parts: SendingParts, archive: Archive, terms: Terms) -> Rebuilt:
    """Fill an empty database. Raises NotEmpty, BadArchive, WrongChain, ChainErrors, DatabaseAway: then start over.

    All lanes that were ever in use count, with the key and the time-outs of the parts' lanes. Those that are not among
    them are looked for on the chain: LOOKED_FOR numbers from the parts' first one on.
    """
    head, lanes = await parts.chain.head(), (*parts.lanes, *await _others(parts))
    quiet = head.utime + max(lane.wallet.timeout for lane in lanes) + parts.rules.expiry_margin
    await _must_be_empty(parts.store)
    async with parts.store.writing() as connection:
        await stamp(connection, parts.chain.zero_state.root_hash.hex(), terms.trust, head.utime)
        await be_quiet(connection, quiet)
        await books.open_lanes(connection, lanes)
        replayed = await replay(connection, archive)
    reconciler = Reconciler(parts.store, parts.chain, parts.rules)
    states = {lane.number: await reconciler.catch_up(lane) for lane in lanes}
    async with parts.store.reading() as connection:
        transfers = (await connection.execute(select(func.count()).select_from(TRANSFERS))).scalar_one()
    return Rebuilt(tuple(sorted(states)), replayed, transfers, await reconciler.drift(states), quiet)


async def _others(parts: SendingParts) -> list[Lane]:
    """Wallets of the same key that have a history."""
    named, first = {lane.number for lane in parts.lanes}, min(lane.number for lane in parts.lanes)
    wallets = {lane.wallet.timeout: lane.wallet for lane in parts.lanes}
    found: dict[int, Lane] = {}
    for number in set(range(first, first + LOOKED_FOR)) - named:
        for wallet in wallets.values():
            lane = Lane(structs.replace(wallet, subwallet=number))
            if (await parts.chain.account(lane.address)).last.lt:
                found.setdefault(number, lane)
    return [found[number] for number in sorted(found)]


async def _must_be_empty(store: Store) -> None:
    async with store.reading() as connection:
        for table in TABLES:
            if (await connection.execute(select(func.count()).select_from(table))).scalar_one():
                raise NotEmpty(f"The database is not empty ({table.name}): rebuild into a new one.")
