"""What all tables share: one MetaData whose constraints have names, and the column kinds that both databases know.

Amounts are nanoTON in signed 64-bit integers: all TON there is takes 63 bits. Times are seconds since 1970.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData
from sqlalchemy.types import TypeEngine

#: Above the supply of TON (about 5 * 10**18 nanoTON) and within a signed 64-bit integer.
MOST_NANOTON: Final = 2**63 - 1

METADATA: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_once",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_exists",
        "pk": "%(table_name)s_key",
    }
)
#: Counts up in both databases: SQLite does so for INTEGER keys alone.
COUNTER: Final[TypeEngine[int]] = BigInteger().with_variant(Integer, "sqlite")


def amount(name: str, **options: Any) -> Column[int]:  # noqa: ANN401 - Column's own options
    """A column of nanoTON."""
    return Column(name, BigInteger, nullable=False, **options)


def moment(name: str, *, nullable: bool = False) -> Column[float]:
    """A column of seconds since 1970."""
    return Column(name, Double, nullable=nullable)
