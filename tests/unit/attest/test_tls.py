"""TLS identities in memory."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cocoon.attest import tls


def test_an_identity_is_loaded_without_a_file(tmp_path: Path) -> None:
    identity = tls.make_identity("runner", datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load(context, identity)
    assert len(identity.spki) == 32
    assert list(tmp_path.iterdir()) == []


def test_every_identity_has_its_own_key() -> None:
    now = datetime.now(UTC)
    assert tls.make_identity("runner", now).spki != tls.make_identity("runner", now).spki
