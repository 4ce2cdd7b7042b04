"""The stand-in for crc16, which pytonlib gets."""

from __future__ import annotations

from cocoon.ton.tonlib_library import crc16xmodem


def test_the_check_value_of_the_catalogue() -> None:
    """CRC-16/XMODEM of "123456789": reveng.sourceforge.io, "Catalogue of parametrised CRC algorithms"."""
    assert crc16xmodem(b"123456789") == 0x31C3
