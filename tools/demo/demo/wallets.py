"""Two keys that outlive a run: the hot wallet's, which somebody who pays holds, and the owner's, who is paid.

They are kept beside the cluster and go with it. The owner's is never used: it is here so that the address has one.
"""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cocoon.api.ton_address import Address
from cocoon.ton.highload import wallet_of
from demo.cluster import DemoCluster
from demo.kubectl import Json

SECRET = "payout-wallet"  # noqa: S105 - a Secret's name
_FOLDER = "demo-wallets"


def secret(cluster: DemoCluster) -> Json:
    """The Secret that the payout service is given, as `kubectl create secret` would make it."""
    seed = _seed(cluster, "hot").hex()
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": {"key": seed}}


def owner(cluster: DemoCluster) -> Address:
    """The wallet of whoever offers the GPUs: not bounceable, as nobody has used it yet, and marked as a test's."""
    key = Ed25519PrivateKey.from_private_bytes(_seed(cluster, "owner"))
    return Address(0, wallet_of(key).address.hash, bounceable=False, test_only=True)


def _seed(cluster: DemoCluster, name: str) -> bytes:
    folder = cluster.state.root / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return _kept(folder / f"{name}.key")


def _kept(file: Path) -> bytes:
    """What is in the file; 32 random bytes the first time."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(secrets.token_bytes(32))
    return file.read_bytes()
