"""The certificates that a host hands to an SNP guest: GUIDs, offsets and lengths (GHCB specification, 4.1.8.1).

The table is what the host wrote, and may be empty or nonsense: what can't be read is left out, and the verifier gets
the certificates elsewhere. Hosts write GUIDs in either byte order, so both are known.
"""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

from cocoon.attest.certificates import BadCertificates, pem, read_der

VLEK: Final = UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1")
VCEK: Final = UUID("63da758d-e664-4564-adc5-f4b93be8accd")
ASK: Final = UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782")
ARK: Final = UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae")
_ENTRY: Final = 24
_MOST_ENTRIES: Final = 16
_KNOWN: Final = {form: guid for guid in (VLEK, VCEK, ASK, ARK) for form in (guid.bytes, guid.bytes_le)}


def to_pem(table: bytes) -> bytes:
    """The chain from the leaf up, as PEM; empty unless there is a leaf. A VLEK goes before a VCEK: it is what signs."""
    found = _entries(table)
    leaf = found.get(VLEK) or found.get(VCEK)
    if leaf is None:
        return b""
    try:
        return b"".join(pem(read_der(each)) for each in (leaf, found.get(ASK), found.get(ARK)) if each)
    except BadCertificates:
        return b""


def _entries(table: bytes) -> dict[UUID, bytes]:
    found: dict[UUID, bytes] = {}
    for at in range(0, _MOST_ENTRIES * _ENTRY, _ENTRY):
        entry = table[at : at + _ENTRY]
        if len(entry) < _ENTRY or not any(entry):
            break
        offset, length = struct.unpack_from("<II", entry, 16)
        guid = _KNOWN.get(entry[:16])
        if guid is not None:
            found[guid] = table[offset : offset + length]
    return found
