"""The wallets' private key, from a mounted file. What is in the file never gets into an error, a log or a repr."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_SEED: int = 32


class BadKeyFile(Exception):
    """There is no usable key; the message names the file and what to do, and nothing of its content."""


def read_key(path: Path) -> Ed25519PrivateKey:
    """A key from PEM (PKCS #8), 64 hex digits, or 32 raw bytes. Raises BadKeyFile."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise BadKeyFile(f"The wallet's key {path} can't be read: {error.strerror}.") from None
    if mode & stat.S_IWOTH:
        raise BadKeyFile(f"Everybody may write to the wallet's key {path}: take that right away.")
    key = _pem(content) if content.lstrip().startswith(b"-----") else _seed(content)
    if key is None:
        raise BadKeyFile(f"{path} holds no Ed25519 key: mount PEM (PKCS #8), 64 hex digits, or 32 bytes.")
    return key


def _pem(content: bytes) -> Ed25519PrivateKey | None:
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None


def _seed(content: bytes) -> Ed25519PrivateKey | None:
    try:
        seed = content if len(content) == _SEED else bytes.fromhex(content.decode("ascii"))
    except ValueError:
        return None
    return Ed25519PrivateKey.from_private_bytes(seed) if len(seed) == _SEED else None
