"""The session's API server with our kinds."""

from __future__ import annotations

import pytest

from devcluster import ApiServer
from devcluster.kube import Kube
from tests.api.crds.cluster import install


@pytest.fixture(scope="session")
def kube(api_cluster: ApiServer) -> Kube:
    kube = api_cluster.kube()
    install(kube)
    return kube
