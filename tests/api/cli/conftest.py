"""A namespace for each test, and commands as a person would run them."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from cocoon.cli.__main__ import main
from devcluster import ApiServer
from devcluster.kube import Kube
from tests.api.crds.cluster import Objects

Manifest = dict[str, Any]


class Answer(Struct, frozen=True):
    """Exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    def row(self, first: str) -> list[str]:
        """The words of the line that begins with this one."""
        return next(line.split() for line in self.out.splitlines() if line.split()[:1] == [first])


class Site(Struct, frozen=True):
    """A namespace of the cluster, and a prompt of its administrator."""

    kube: Kube
    namespace: str
    kubeconfig: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def objects(self) -> Objects:
        return Objects(self.kube, self.namespace)

    def run(self, *words: str, kubeconfig: Path | None = None) -> Answer:
        """A command in the namespace."""
        self.capsys.readouterr()
        status = main([*words, "-n", self.namespace, "--kubeconfig", str(kubeconfig or self.kubeconfig)])
        return Answer(status, *self.capsys.readouterr())

    def create(self, plural: str, manifest: Manifest) -> Manifest:
        """An object of ours."""
        return self.objects.create(plural, manifest | {"metadata": {"name": manifest["metadata"]["name"]}})

    def say(self, plural: str, name: str, status: Manifest) -> Manifest:
        """Write a status, as the operator would."""
        found = self.objects.get(plural, name)
        return self.objects.replace(plural, found | {"status": status}, "/status")


@pytest.fixture
def site(kube: Kube, api_cluster: ApiServer, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield Site(kube, name, api_cluster.kubeconfig, capsys)
    for plural in ("cocoonproviders", "inferencejobs"):
        kube.call("DELETE", f"/apis/cocoonfleet.io/v1alpha1/namespaces/{name}/{plural}")
    kube.call("DELETE", f"/api/v1/namespaces/{name}/pods?gracePeriodSeconds=0")


@pytest.fixture
def stranger(site: Site, api_cluster: ApiServer, tmp_path: Path) -> Path:
    """A kubeconfig with the token of a service account that has no rights."""
    path = f"/api/v1/namespaces/{site.namespace}/serviceaccounts"
    site.kube.call("POST", path, {"metadata": {"name": "stranger"}})
    spec = {"expirationSeconds": 600}
    token = site.kube.call("POST", f"{path}/stranger/token", {"spec": spec})["status"]["token"]
    authority = base64.b64encode(api_cluster.ca.read_bytes()).decode()
    cluster = {"server": api_cluster.url, "certificate-authority-data": authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": site.namespace}}],
        "current-context": "x",
    }
    file = tmp_path / "stranger.yaml"
    file.write_text(yaml.safe_dump(config))
    return file
