"""Real API servers as fixtures: add "tests.devcluster_fixtures" to `pytest_plugins`."""

from collections.abc import Iterator

import pytest

from devcluster import ApiServer, Wishes, api_server
from devcluster.cluster import Cluster
from devcluster.record import FULL, Record
from devcluster.screen import Screen
from tests.devcluster.leftovers import Leftovers


@pytest.fixture(scope="session")
def api_cluster() -> Iterator[ApiServer]:
    """One API server for the whole run: each test uses a Namespace of its own, and nobody stops the server."""
    with api_server() as cluster:
        yield cluster


@pytest.fixture
def own_api_cluster() -> Iterator[ApiServer]:
    """An API server that the test may take away."""
    with api_server() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def simulated_cluster() -> Iterator[ApiServer]:
    """An API server with a scheduler and four simulated nodes of 8 GPUs; Pods get loopback addresses."""
    with api_server(Wishes(kwok_nodes=4)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def before_full_cluster() -> Leftovers:
    """What the machine holds before the full cluster is up."""
    return Leftovers.now()


@pytest.fixture(scope="session")
def full_cluster(before_full_cluster: Leftovers) -> Iterator[Cluster]:
    """A whole Kubernetes with a real node, DNS and an S3 server; needs root."""
    cluster = Cluster("test", Screen())
    cluster.down(wipe=True)  # what a killed run may have left
    cluster.up(Record(FULL, api=6443))
    yield cluster
    cluster.down(wipe=True)
