"""A keyring in a TDX guest under a test root: what it shows, the collateral for it, and terms that it meets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.api.evidence import FORMAT, Bundle, Keys, Tee
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.age import keys as age_keys
from tests.attest.makers.intel import MR_TD, RTMRS, intel

INTEL = intel()
NAME = f"intel/{INTEL.fmspc.hex().upper()}/platform.json"
GUEST = {"mrTd": MR_TD.hex(), "rtmrs": [value.hex() for value in RTMRS]}
TERMS: dict[str, Any] = {
    "keyring": {"trust": "Test", "testRoots": [INTEL.root.fingerprint], "policy": {"measurements": [GUEST]}},
    "runners": {"trust": "Test"},
}


class TdxCollector:
    """Quotes of one platform."""

    tee: Tee = "tdx"
    trust = Trust.HARDWARE

    def __init__(self) -> None:
        self._platform = INTEL.platform()

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        quote = INTEL.quote(self._platform, bundles.bind("keyring", nonce, keys, payee))
        return Bundle(FORMAT, "keyring", nonce, keys, payee, "tdx", quote)


async def evidence(path: Path) -> str:
    """A file with the evidence of such a keyring; its recipient."""
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()
    shown = Keys(tls=b"t" * 32, receipt=b"r" * 32, sealing=public)
    bundle = await TdxCollector().collect(b"n" * 32, shown, "terms:" + "00" * 32)
    await asyncio.to_thread(path.write_bytes, bundles.encode(bundle))
    return age_keys.recipient_text(public)


def publish(folder: Path, **wish: object) -> Path:
    """A folder of collateral."""
    for name, content in INTEL.collateral(**wish).items.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
