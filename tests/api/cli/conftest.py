"""The session's API server with our kinds, a namespace for each test, and commands as a person would run them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from cocoon.cli.__main__ import main
from devcluster import ApiServer
from devcluster.kube import Kube
from tests.api.crds.cluster import Objects, install

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


@pytest.fixture(scope="session")
def kube(api_cluster: ApiServer) -> Kube:
    kube = api_cluster.kube()
    install(kube)
    return kube


@pytest.fixture
def site(kube: Kube, api_cluster: ApiServer, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield Site(kube, name, api_cluster.kubeconfig, capsys)
    for plural in ("cocoonproviders", "inferencejobs"):
        kube.call("DELETE", f"/apis/cocoonfleet.io/v1alpha1/namespaces/{name}/{plural}")
    kube.call("DELETE", f"/api/v1/namespaces/{name}/pods?gracePeriodSeconds=0")
