"""A database belongs to one chain and one trust, from its first start on.

Else a database of play money could be started on the real chain, and would pay out what was never earned.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.times import Instant
from cocoon.api.trust import Trust
from cocoon.payout.store.standing import STAMP


class WrongChain(Exception):
    """The database or the accepted trust does not go with the chain; the message is a sentence."""


def check_trust(trust: Trust, zero_state: str, development: tuple[str, ...]) -> None:
    """Raises WrongChain for test trust on a chain whose coins are worth something."""
    if trust is Trust.TEST and zero_state not in development:
        raise WrongChain(
            f"Test trust is accepted on development chains only, and {zero_state} is not listed as one: "
            "anybody can sign test evidence and would be paid."
        )


async def stamp(connection: AsyncConnection, zero_state: str, trust: Trust, now: Instant) -> None:
    """Stamp a new database; see that an old one has this stamp. Raises WrongChain."""
    row = (await connection.execute(select(STAMP))).one_or_none()
    if row is None:
        values = {"number": 1, "zero_state": zero_state, "trust": trust.value, "made": now}
        await connection.execute(STAMP.insert().values(**values))
        return
    if row.zero_state != zero_state:
        raise WrongChain(
            f"This database belongs to the chain with zero state {row.zero_state}, not {zero_state}: "
            "start on that chain, or with another database."
        )
    if row.trust != trust.value:
        raise WrongChain(f"This database was made for {row.trust} trust, not {trust.value}: start with another one.")


#: "Quiet until" of a restored database whose service has not seen the chain yet: only the chain's clock counts.
RESTORED: Final = float(2**62)


async def be_quiet(connection: AsyncConnection, until: Instant) -> None:
    """Let nothing be sent before this time."""
    await connection.execute(update(STAMP).values(quiet_until=until))


async def quiet_until(connection: AsyncConnection) -> Instant:
    """Nothing may be sent before (seconds since 1970)."""
    return float((await connection.execute(select(STAMP.c.quiet_until))).scalar_one())
