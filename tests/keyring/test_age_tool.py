"""Debian's `age` opens what we make, and we what it makes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import armor, keys
from cocoon.attest.age.header import Stanza
from tests.unit.age.files import public, seal, unseal

AGE = shutil.which("age") or ""
pytestmark = pytest.mark.skipif(not AGE, reason="no age on the PATH: apt-get install age")


def age(*arguments: str, content: bytes) -> bytes:
    return subprocess.run([AGE, *arguments], input=content, capture_output=True, check=True).stdout


@pytest.fixture
def identity(tmp_path: Path) -> X25519PrivateKey:
    key = X25519PrivateKey.generate()
    (tmp_path / "identity").write_text(keys.identity_text(key))
    return key


@pytest.mark.parametrize("size", [0, 65_536, 200_000])
def test_both_ways(identity: X25519PrivateKey, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    file = seal(content, public(identity), extra=[Stanza(("cocoonfleet.io/job-v1",), b'{"releases":3}' * 20)])
    opening = ("-d", "-i", str(tmp_path / "identity"))
    assert age(*opening, content=file) == content
    assert age(*opening, content=armor.encode(file)) == content
    recipient = keys.recipient_text(public(identity))
    assert unseal(age("-r", recipient, content=content), identity) == content
    assert unseal(armor.decode(age("-a", "-r", recipient, content=content)), identity) == content
