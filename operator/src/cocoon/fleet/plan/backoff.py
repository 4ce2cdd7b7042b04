"""Growing delays and deterministic jitter: decisions have no random numbers, so ids stand in for them."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

_LONGEST: Final = 3_600.0


def growing(failures: int, first: float, longest: float = _LONGEST) -> float:
    """Seconds to wait after that many failures in a row: `first`, then twice as long each time."""
    return float(min(longest, first * 2 ** min(max(failures - 1, 0), 20)))


def spread(identity: str) -> float:
    """A number in [0, 1) that is always the same for the same identity."""
    return int.from_bytes(sha256(identity.encode()).digest()[:4]) / 2**32
