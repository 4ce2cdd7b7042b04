"""`kubectl cocoon earnings` finds the service in the cluster, gets a token there and calls providers by their names."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cocoon.attest.tls import make_identity
from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, MISSING, UNREACHABLE
from cocoon.payout.http.app import application
from cocoon.payout.http.serve import listening
from cocoon.payout.service import Service, running
from cocoon.payout.settings import Caller, ClusterSettings, HttpSettings, KeySource
from devcluster import ApiServer
from tests.api.crds.cluster import install
from tests.payout import kit
from tests.payout.kit import CLUSTER
from tests.payout.paid import confirm
from tests.payout.test_real_tokens import Accounts
from tests.scenario import builders

pytestmark = pytest.mark.api
TON = 10**9


class Site:
    """A cluster with a provider, and a payout service that its chart would have installed."""

    def __init__(self, cluster: ApiServer, accounts: Accounts) -> None:
        self.kube, self.namespace, self.kubeconfig = cluster.kube(), accounts.namespace, str(cluster.kubeconfig)
        self.service: Service | None = None
        self.uid = ""

    def offer(self) -> None:
        """A provider dc1."""
        install(self.kube)
        body = builders.provider("dc1", ["minilm"])
        body["metadata"]["namespace"] = self.namespace
        path = f"/apis/cocoonfleet.io/v1alpha1/namespaces/{self.namespace}/cocoonproviders"
        self.uid = self.kube.call("POST", path, body)["metadata"]["uid"]

    def install(self, certificate: str) -> None:
        """The Service and the Secret of the chart."""
        labels = {"app.kubernetes.io/name": "cocoon-fleet", "app.kubernetes.io/component": "payout"}
        service: dict[str, Any] = {"metadata": {"name": "cocoon-fleet-payout", "labels": labels}}
        service["spec"] = {"ports": [{"name": "https", "port": 443}]}
        secret = {"metadata": {"name": "cocoon-fleet-payout-tls"}}
        data = {"data": {"ca.crt": base64.b64encode(certificate.encode()).decode()}}
        self.kube.call("POST", f"/api/v1/namespaces/{self.namespace}/services", service)
        self.kube.call("POST", f"/api/v1/namespaces/{self.namespace}/secrets", secret | data)

    async def run(self, *words: str) -> int:
        """A command of an administrator of the cluster."""
        flags = ("--kubeconfig", self.kubeconfig, "-n", self.namespace)
        return await asyncio.to_thread(main, [*words, *flags])


@pytest.fixture
async def site(api_cluster: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """kubectl is replaced by what it says: this cluster has no kubelet that would forward anything."""
    accounts, keys = Accounts(api_cluster), tmp_path / "cluster-keys.json"
    url = f"{api_cluster.url}/openid/v1/jwks"
    async with aiohttp.ClientSession() as session, session.get(url, ssl=api_cluster.ssl_context()) as answer:
        keys.write_bytes(await answer.read())
    identity = make_identity(f"cocoon-fleet-payout.{accounts.namespace}.svc", datetime.now(UTC))
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(identity.certificate)
    key.write_bytes(identity.key)

    callers = (Caller(accounts.subject(), ("report", "read")),)
    cluster = ClusterSettings(CLUSTER, api_cluster.issuer, KeySource(file=str(keys)), callers)
    http = HttpSettings("127.0.0.1", 0, str(certificate), str(key))
    database = f"sqlite:///{tmp_path}/books.sqlite"
    settings = kit.settings(tmp_path, database, kit.SignedBy(), clusters=(cluster,), http=http)
    found = Site(api_cluster, accounts)
    found.offer()
    async with running(settings, time.time) as service, listening(application(service), http) as port:
        found.service = service
        found.install(identity.certificate.decode())
        kubectl = tmp_path / "kubectl"
        kubectl.write_text(f"#!/bin/sh\necho 'Forwarding from 127.0.0.1:{port} -> 8443'\nexec sleep 600\n")
        kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("KUBECTL", str(kubectl))
        yield found


async def test_an_administrator_outside_of_the_cluster(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.service is not None
    await confirm(site.service, 1, [(site.uid, f"0:{1:064x}", 2 * TON)], network_cost=0)
    await confirm(site.service, 2, [("another", f"0:{2:064x}", TON)], network_cost=0)
    assert await site.run("payouts", "dc1", "-o", "json") == DONE
    [one] = json.loads(capsys.readouterr().out)["payouts"]
    assert (one["provider"], one["providerUid"], one["amount"]) == (f"{site.namespace}/dc1", site.uid, str(2 * TON))
    assert await site.run("earnings", "dc1") == DONE
    assert capsys.readouterr().out.splitlines()[1].split() == [f"{site.namespace}/dc1", *list("0000200")]


async def test_a_service_account_that_is_not_there(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert await site.run("payouts", "--payout-as", f"{site.namespace}/nobody") == MISSING
    assert f"There is no ServiceAccount {site.namespace}/nobody" in capsys.readouterr().err


async def test_a_forward_that_fails(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'error: unable to forward port: pod is not running' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KUBECTL", str(broken))
    assert await site.run("payouts") == UNREACHABLE
    assert (
        "unable to forward port: pod is not running. Give --payout-url if there is another way to it."
        in capsys.readouterr().err
    )


async def test_a_namespace_without_such_a_service(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.kube.call("DELETE", f"/api/v1/namespaces/{site.namespace}/services/cocoon-fleet-payout")
    assert await site.run("payouts") == MISSING
    assert "This cluster has no payout service" in capsys.readouterr().err
