"""Both definitions on the session's API server, and a namespace for their objects."""

from __future__ import annotations

import pytest

from devcluster import ApiServer
from tests.api.crds.cluster import Objects, install


@pytest.fixture(scope="session")
def objects(api_cluster: ApiServer) -> Objects:
    kube = api_cluster.kube()
    install(kube)
    kube.apply("/api/v1/namespaces/crds", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "crds"}})
    return Objects(kube, "crds")
