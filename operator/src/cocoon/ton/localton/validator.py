"""The chain's only validator: it signs each masterchain block."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey
from pytoniq_core.crypto.crc import crc32c

_PUBLIC_KEY_TAG: Final = 0x4813B4C6
_VALIDATOR_SET_TAG: Final = -1877581587
_BLOCK_SIGNATURE_TAG: Final = 0xC50B6E70


class BlockId(Struct, frozen=True):
    """`tonNode.blockIdExt` without its shard, which is always the whole workchain."""

    workchain: int
    seqno: int
    root_hash: bytes
    file_hash: bytes


class Validator:
    """A key made from `seed`: who knows the seed signs as this validator."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(hashlib.sha256(seed).digest())
        self.public_key = bytes(self._key.verify_key)
        #: How signatures name it: the hash of its `pub.ed25519`.
        self.id = hashlib.sha256(struct.pack("<I", _PUBLIC_KEY_TAG) + self.public_key).digest()
        #: `gen_validator_list_hash_short` of every block: CRC-32C of the validator set, here of one validator.
        listed = struct.pack("<iII", _VALIDATOR_SET_TAG, 0, 1) + self.public_key + struct.pack("<Q", 1) + bytes(32)
        self.set_hash = int.from_bytes(crc32c(listed), "little")

    def sign(self, block: BlockId) -> bytes:
        """The signature (64 bytes) of a block's two hashes."""
        return self._key.sign(struct.pack("<I", _BLOCK_SIGNATURE_TAG) + block.root_hash + block.file_hash).signature
