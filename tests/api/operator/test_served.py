"""An operator that meets definitions of another release says so, and does not start."""

from __future__ import annotations

import asyncio
import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cocoon.fleet.ports.failures import Busy, Refused
from cocoon.fleet.ports.login import log_in
from cocoon.fleet.ports.served import require_ours
from devcluster import ApiServer
from devcluster.kube import Kube, until
from tests.api.crds.rules import crd

pytestmark = pytest.mark.api
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def older(plural: str) -> dict[str, Any]:
    """The definition as a release had it that knew no receipts."""
    found = copy.deepcopy(crd(plural))
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["status"]["properties"].pop("receipt")
    schema["properties"]["status"]["properties"]["binding"]["properties"].pop("price")
    return found


def said(server: ApiServer) -> str:
    """What an operator would say of the definitions at this moment; nothing if it takes them."""

    async def ask() -> None:
        await require_ours(await log_in(str(server.kubeconfig)))

    try:
        asyncio.run(ask())
    except (Busy, Refused) as failure:
        return f"{type(failure).__name__}: {failure}"
    return ""


def test_definitions_of_another_release(own_api_cluster: ApiServer) -> None:
    kube = own_api_cluster.kube()
    absent = said(own_api_cluster)
    assert absent.startswith("Busy: ")
    assert "is not installed. Apply those of this release (kubectl apply" in absent
    for made in (older("inferencejobs"), crd("cocoonproviders")):
        kube.call("POST", PATH, made)
    until(lambda: said(own_api_cluster).startswith("Refused"), "the older definitions being published")
    refused = said(own_api_cluster).removeprefix("Refused: ")
    assert refused.startswith("The CustomResourceDefinition inferencejobs.cocoonfleet.io is of another release")
    assert "it lacks status.binding.price, status.receipt, and" in refused
    ended = operator(own_api_cluster.kubeconfig)
    assert (ended.returncode, refused in ended.stdout + ended.stderr) == (2, True)
    renew(kube)
    until(lambda: not said(own_api_cluster), "the new definitions being published")


def test_an_operator_without_rights(own_api_cluster: ApiServer, tmp_path: Path) -> None:
    kube = own_api_cluster.kube()
    for made in (crd("inferencejobs"), crd("cocoonproviders")):
        kube.call("POST", PATH, made)
    until(lambda: not said(own_api_cluster), "the definitions being published")
    account = "/api/v1/namespaces/default/serviceaccounts"
    kube.call("POST", account, {"metadata": {"name": "nobody"}})
    token = kube.call("POST", f"{account}/nobody/token", {"spec": {}})["status"]["token"]
    config = yaml.safe_load(own_api_cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    file = tmp_path / "nobody.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    ended = operator(file)
    assert ended.returncode == 2
    said_last = ended.stdout + ended.stderr
    assert "system:serviceaccount:default:nobody" in said_last
    assert "cannot get resource" in said_last
    assert "helm upgrade" in said_last


def renew(kube: Kube) -> None:
    """What the sentence says is to be done."""
    name = "inferencejobs.cocoonfleet.io"
    there = kube.call("GET", f"{PATH}/{name}")
    kube.call("PUT", f"{PATH}/{name}", there | {"spec": crd("inferencejobs")["spec"]})


def operator(kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    """How a real operator process ends, and what it says."""
    command = [sys.executable, "-m", "cocoon.fleet", f"--kubeconfig={kubeconfig}", "--namespace=default"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
