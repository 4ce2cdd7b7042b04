"""The client's own key, in a file as `age-keygen` writes it: what answers are sealed to, and opened with."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import keys
from cocoon.attest.age.failures import AgeError
from cocoon.cli.failure import Failure


def read_identities(path: Path) -> list[X25519PrivateKey]:
    """All keys of the file. Raises Failure."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [keys.identity_key(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeError) as error:
        raise Failure(f"{path} can't be read as an identity file: {error}.") from error
    except AgeError:
        raise Failure(f"{path} holds a line that is no AGE-SECRET-KEY-1…; only X25519 identities are known.") from None
    if not found:
        raise Failure(f"{path} holds no identity: `age-keygen -o {path}` makes one.")
    return found


def own_recipient(path: Path) -> str:
    """The recipient of the file's first key; the file is made if it is not there. Raises Failure."""
    if not path.exists():
        _make(path)
    return _recipient(read_identities(path)[0])


def _make(path: Path) -> None:
    key = X25519PrivateKey.generate()
    text = f"# public key: {_recipient(key)}\n{keys.identity_text(key)}\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"{path} can't be made: {error.strerror}.") from error


def _recipient(key: X25519PrivateKey) -> str:
    return keys.recipient_text(key.public_key().public_bytes_raw())
