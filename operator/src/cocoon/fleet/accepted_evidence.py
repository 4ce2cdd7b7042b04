"""The evidence that this replica has accepted, for whoever wants to check it again: GET /v1/evidence/{sha256}.

Evidence is public. A client takes the bundle that a receipt names, verifies it against a policy of its own, and has the
key that the receipt must be signed by; it need not believe the operator. The newest bundle of each digest is kept.
"""

from __future__ import annotations

from typing import Final

#: TDX and 8 GPUs with their chains take about 100 kB; development evidence takes 1 kB.
MOST_BYTES: Final = 64 << 20


class AcceptedEvidence:
    """Bundles by the digest that receipts name them by; the longest unrenewed go first when there are too many."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held = 0
        self._bundles: dict[str, bytes] = {}

    def put(self, digest: str, bundle: bytes) -> None:
        """Keep a bundle that a verdict trusts."""
        self._drop(digest)
        self._bundles[digest] = bundle
        self._held += len(bundle)
        while self._held > self._most:
            self._drop(next(iter(self._bundles)))

    def find(self, digest: str) -> bytes | None:
        """The newest bundle of this digest, as the server sent it."""
        return self._bundles.get(digest)

    def _drop(self, digest: str) -> None:
        self._held -= len(self._bundles.pop(digest, b""))
