"""pytonlib, without the only one of its requirements that has to be compiled.

It imports `crc16` for one function, which the standard library has too; that package has been a source archive since
2011. pyproject.toml leaves it out, and pytonlib finds this stand-in.
"""

from __future__ import annotations

import binascii
import sys
from types import ModuleType


def crc16xmodem(payload: bytes) -> int:
    """CRC-16/XMODEM: polynomial 0x1021, initial value 0, nothing reflected."""
    return binascii.crc_hqx(payload, 0)


def _stand_in() -> ModuleType:
    module = ModuleType("crc16", "A stand-in: see cocoon.ton.tonlib_library.")
    vars(module)["crc16xmodem"] = crc16xmodem
    return module


sys.modules.setdefault("crc16", _stand_in())

from pytonlib import TonlibClient  # noqa: E402 - it imports crc16
from pytonlib.tonlibjson import (  # noqa: E402 - it imports crc16
    BlockDeleted,
    BlockNotFound,
    ExternalMessageNotAccepted,
    LiteServerTimeout,
    TonlibError,
    TonlibException,
    TonlibNoResponse,
)

__all__ = [
    "BlockDeleted",
    "BlockNotFound",
    "ExternalMessageNotAccepted",
    "LiteServerTimeout",
    "TonlibClient",
    "TonlibError",
    "TonlibException",
    "TonlibNoResponse",
    "crc16xmodem",
]
