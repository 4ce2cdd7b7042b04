"""The wallets' key comes from a file, and nothing of it gets anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cocoon.payout.sending.key_file import BadKeyFile, read_key

SEED = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [SEED, SEED.hex().encode(), SEED.hex().encode() + b"\n", PEM])
def test_every_form_gives_the_same_key(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    assert read_key(file).private_bytes_raw() == SEED


OTHER = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", SEED[:31], SEED.hex().encode()[:-1], b"secret words " * 12, PEM[:60], OTHER])
def test_a_bad_key_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(BadKeyFile) as caught:
        read_key(file)
    assert str(file) in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not content or content.decode("latin-1").strip()[:12] not in str(caught.value)


def test_a_key_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(SEED)
    file.chmod(0o602)
    with pytest.raises(BadKeyFile, match="Everybody"):
        read_key(file)


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile, match="can't be read"):
        read_key(tmp_path / "key")
