"""The operators' common identity towards runners: one self-signed certificate in a Secret that the first replica makes.

Runners pin it from their environment, so it must outlive every operator; only this Secret's name is in the operator's
Role. A replaced Secret is taken up when operators restart, and servers started before it must be replaced.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Final

from cocoon.api.resources import SECRET, Manifest
from cocoon.attest.tls import Identity, make_identity
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.cluster import Cluster
from cocoon.fleet.ports.failures import Gone, Refused
from cocoon.fleet.ports.resources import Ref

COMMON_NAME: Final = "cocoon-fleet-operator"


async def identity(cluster: Cluster, namespace: str, name: str, clock: Clock) -> Identity:
    """The identity in the Secret, made if it is not there. Raises Busy or Refused."""
    ref = Ref(SECRET, namespace, name)
    try:
        return _read(await cluster.read(ref))
    except Gone:
        fresh = make_identity(COMMON_NAME, datetime.fromtimestamp(clock.now(), UTC))
    try:
        return _read(await cluster.create(_secret(ref, fresh)))
    except Gone:
        return _read(await cluster.read(ref))


def _secret(ref: Ref, fresh: Identity) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {"app.kubernetes.io/part-of": "cocoon-fleet"},
        },
        "type": "kubernetes.io/tls",
        "immutable": True,
        "data": {
            "tls.key": base64.b64encode(fresh.key).decode(),
            "tls.crt": base64.b64encode(fresh.certificate).decode(),
        },
    }


def _read(secret: Manifest) -> Identity:
    try:
        key, certificate = (base64.b64decode(secret["data"][name]) for name in ("tls.key", "tls.crt"))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"The Secret {secret['metadata']['name']} holds no certificate: delete it.") from error
    return Identity(key, certificate)
