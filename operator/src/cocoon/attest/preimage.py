"""Length-prefixed concatenation, so that no two lists of parts share a preimage."""

from __future__ import annotations


def prefixed(*parts: bytes | str) -> bytes:
    """Every part (strings in UTF-8) after its length as 4 bytes, big-endian."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
