"""Which keys each server was attested with: a receipt counts only if one of them signed it.

All keys of a server's life are kept, because a runner that restarts makes new keys and still hands over the receipts
that its journal holds.
"""

from __future__ import annotations

from cocoon.attest.receipts import open_receipt
from cocoon.fleet.plan.records import Uid


class ReceiptKeys:
    """Ed25519 public keys (32 bytes) by server, the newest last."""

    def __init__(self) -> None:
        self._keys: dict[Uid, list[bytes]] = {}

    def add(self, server: Uid, key: bytes) -> bool:
        """A verdict trusts this key; whether an earlier one did, so that the runner has not restarted since."""
        known = self._keys.setdefault(server, [])
        if key in known:
            return True
        known.append(key)
        return False

    def forget(self, server: Uid) -> None:
        """The server is gone."""
        self._keys.pop(server, None)

    def signed(self, server: Uid, receipt: str) -> bool:
        """Whether one of the server's keys signed this receipt."""
        return any(_opens(receipt, key) for key in reversed(self._keys.get(server, [])))


def _opens(receipt: str, key: bytes) -> bool:
    try:
        open_receipt(receipt, key)
    except ValueError:
        return False
    return True
