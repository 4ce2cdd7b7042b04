"""The payout service: what the chart is told of it, and its API as an administrator calls it."""

import base64
import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.error import HTTPError

import msgspec

from cocoon.api.payout import OwnerAccounts, Transfer, TransferList, WorkEntry, WorkList
from cocoon.ton.localton.faucet import FAUCET
from demo import samples, story, volumes, wallets
from demo.cluster import DemoCluster
from demo.errors import DemoError
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl
from demo.tunnel import tunnel

NAME = "cocoon-fleet-payout"
AUDIENCE = "cocoon-payout"
PAYER = "payer"
"""The service account of whoever runs the payout service: it credits clients and sees all books."""
FEE_BASIS_POINTS = 500
CREDIT = 100 * 10**9
_PAGE = 500
_Answer = TypeVar("_Answer")


def prepare(cluster: DemoCluster, kubectl: Kubectl) -> None:
    """What the chart does not make: the wallet's key, the volumes, and the payer's service account."""
    there = kubectl.within(OPERATOR)
    there.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR}}])
    (node,) = [each["metadata"]["name"] for each in kubectl.every("node", "nvidia.com/gpu.present=true")]
    payer = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": PAYER}}
    there.apply([wallets.secret(cluster), payer, *volumes.volumes(cluster, node, OPERATOR)])


def values(kubectl: Kubectl) -> Json:
    """What the chart is told: who may call, what is paid, from which wallet; with play money."""
    storage = {"storageClassName": volumes.CLASS, "size": volumes.SIZE}
    caps = {model["name"]: model["price"] for model in samples.models()}
    return {
        "localton": {"enabled": True, "persistence": storage},
        "payout": {
            "enabled": True,
            "clusters": [_cluster(kubectl)],
            "policy": {
                "trust": "Test",
                "requireGpu": False,
                "priceCaps": caps,
                "feeBasisPoints": FEE_BASIS_POINTS,
            },
            "wallet": {"existingSecret": wallets.SECRET},
            "payments": {"minimumPayout": "10000", "roundEvery": 1, "funders": [FAUCET.address.friendly()]},
            "persistence": storage,
        },
    }


def _cluster(kubectl: Kubectl) -> Json:
    """This cluster as the payout service is to know it: its keys are pinned, its callers are named."""
    found = kubectl.find("namespace", "kube-system")
    identity = json.loads(kubectl("get", "--raw", "/.well-known/openid-configuration"))
    keys = json.loads(kubectl("get", "--raw", "/openid/v1/jwks"))
    accounts = {"cocoon-fleet": ["report", "read"], PAYER: ["read", "administer"]}
    callers = [
        {"subject": f"system:serviceaccount:{OPERATOR}:{name}", "rights": rights} for name, rights in accounts.items()
    ]
    uid = (found or {})["metadata"]["uid"]
    return {"id": uid, "issuer": identity["issuer"], "keys": keys, "callers": callers}


@dataclass(frozen=True)
class Desk:
    """The service's API under the payer's token. Raises DemoError with what it said."""

    url: str
    token: str
    tls: ssl.SSLContext

    def credit(self, cluster: str, namespace: str) -> int:
        """Credit the namespace, once however often this is done; what it may still spend, in nanoTON."""
        body = json.dumps({"id": "demo", "amount": str(CREDIT)}).encode()
        return int(json.loads(self._call("PUT", f"/v1/clients/{cluster}/{namespace}/credit", body))["available"])

    def tell(self, path: str, body: Json) -> None:
        """Any other order of an administrator's, such as a pause."""
        self._call("POST", path, json.dumps(body).encode())

    def accounts(self) -> OwnerAccounts:
        """What owners are owed and were paid."""
        return self._read(f"/v1/accounts?limit={_PAGE}", OwnerAccounts)

    def receipt(self, jti: str) -> WorkEntry:
        """One receipt, as the books have it."""
        return self._read(f"/v1/receipts/{jti}", WorkEntry)

    def work(self) -> list[WorkEntry]:
        """All work that is to be paid."""
        found: list[WorkEntry] = []
        after = ""
        while True:
            page = self._read(f"/v1/work?state=Accepted&limit={_PAGE}&after={after}", WorkList)
            found += page.work
            if not (after := page.next):
                return found

    def transfers(self) -> list[Transfer]:
        """All payments."""
        found: list[Transfer] = []
        after = ""
        while True:
            page = self._read(f"/v1/transfers?limit={_PAGE}&after={after}", TransferList)
            found += page.transfers
            if not (after := page.next):
                return found

    def _read(self, path: str, kind: type[_Answer]) -> _Answer:
        return msgspec.json.decode(self._call("GET", path), type=kind)

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)  # noqa: S310 - always https
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls)
        )
        try:
            with direct.open(request, timeout=30) as answer:
                return bytes(answer.read())
        except HTTPError as error:
            raise DemoError(f"The payout service refused {method} {path}: {error.read().decode()[:500]}") from None
        except OSError as error:
            raise DemoError(f"The payout service can't be reached: {error}") from None


@contextmanager
def desk(kubectl: Kubectl) -> Iterator[Desk]:
    """The API, as long as the block lasts."""
    there = kubectl.within(OPERATOR)
    token = there("create", "token", PAYER, f"--audience={AUDIENCE}", "--duration=10m").strip()
    tls = ssl.create_default_context(cadata=_authority(there))
    with tunnel(there, f"service/{NAME}", 443) as port:
        yield Desk(f"https://localhost:{port}", token, tls)


def credit(kubectl: Kubectl) -> int:
    """Credit the samples' namespace; what it may still spend, in nanoTON."""
    found: dict[str, Any] | None = kubectl.find("namespace", "kube-system")
    with desk(kubectl) as open_desk:
        return open_desk.credit((found or {})["metadata"]["uid"], story.NAMESPACE)


def _authority(kubectl: Kubectl) -> str:
    """The certificate that the service's is signed by (PEM)."""
    found = kubectl.find("secret", f"{NAME}-tls")
    return base64.b64decode((found or {})["data"]["ca.crt"]).decode()
