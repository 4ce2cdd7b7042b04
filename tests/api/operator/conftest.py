"""The session's API server with our kinds, and a namespace for each test."""

from __future__ import annotations

import uuid

import pytest

from devcluster import ApiServer
from devcluster.kube import Kube
from tests.api.crds.cluster import install


@pytest.fixture(scope="session")
def kube(api_cluster: ApiServer) -> Kube:
    kube = api_cluster.kube()
    install(kube)
    return kube


@pytest.fixture
def namespace(kube: Kube) -> str:
    """A namespace that admits restricted Pods only."""
    name = f"operator-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    return name
