"""drain, hold, resume and release against a real API server."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from cocoon.api.groups import FINALIZER
from cocoon.cli.failure import DONE, FAILED, MISSING, NOT_YET
from devcluster.kube import until
from tests.api.cli.conftest import Site
from tests.scenario import builders

pytestmark = pytest.mark.api
PROVIDERS = "cocoonproviders"


@pytest.fixture
def provider(site: Site) -> Callable[[], str]:
    """dc1; its operation."""
    site.create(PROVIDERS, builders.provider("dc1", ["minilm"]))
    return lambda: str(site.objects.get(PROVIDERS, "dc1")["spec"]["operation"])


def servers(site: Site, total: int) -> None:
    generation = site.objects.get(PROVIDERS, "dc1")["metadata"]["generation"]
    site.say(
        PROVIDERS, "dc1", {"observedGeneration": generation, "servers": {"total": total, "ready": 0, "attested": 0}}
    )


def test_hold_drain_and_resume(site: Site, provider: Callable[[], str]) -> None:
    assert site.run("hold", "dc1").status == DONE
    assert provider() == "Hold"
    assert site.run("drain", "dc1").status == DONE
    assert provider() == "Drain"
    answer = site.run("resume", "dc1")
    assert answer.out == f"{site.namespace}/dc1 is on Serve now: it takes jobs again.\n"
    assert provider() == "Serve"


def test_what_is_so_already_is_not_written(site: Site, provider: Callable[[], str]) -> None:
    before = site.objects.get(PROVIDERS, "dc1")["metadata"]["resourceVersion"]
    assert "is on Serve already" in site.run("resume", "dc1").out
    assert site.objects.get(PROVIDERS, "dc1")["metadata"]["resourceVersion"] == before


def test_drain_waits_for_the_last_server(site: Site, provider: Callable[[], str]) -> None:
    servers(site, 2)

    def operator() -> None:
        until(lambda: provider() == "Drain", "the drain")
        servers(site, 2)
        servers(site, 0)

    working = threading.Thread(target=operator)
    working.start()
    answer = site.run("drain", "dc1", "--wait", "--timeout", "60")
    working.join()
    assert answer.status == DONE
    assert answer.out.splitlines()[-1] == f"{site.namespace}/dc1 has no servers any more."


def test_drain_that_takes_too_long(site: Site, provider: Callable[[], str]) -> None:
    answer = site.run("drain", "dc1", "--wait", "--timeout", "0.3")
    assert answer.status == NOT_YET
    assert "still has servers after 0.3 s. It goes on draining." in answer.err


def test_a_provider_that_is_not_there(site: Site) -> None:
    answer = site.run("drain", "dc9")
    assert answer.status == MISSING
    assert f"There is no CocoonProvider {site.namespace}/dc9." in answer.err


def test_release_is_for_deleted_providers_only(site: Site, provider: Callable[[], str]) -> None:
    answer = site.run("release", "dc1", "--force")
    assert answer.status == FAILED
    assert "dc1 is not being deleted: run kubectl delete cprov dc1 -n " in answer.err


def test_release_takes_our_finalizer_alone(site: Site, provider: Callable[[], str]) -> None:
    path = site.objects.path(PROVIDERS, "dc1")
    site.kube.merge(path, {"metadata": {"finalizers": [FINALIZER, "example.com/theirs"]}})
    site.kube.call("DELETE", path)
    assert site.run("release", "dc1", "--force").out == f"Released {site.namespace}/dc1.\n"
    assert site.objects.get(PROVIDERS, "dc1")["metadata"]["finalizers"] == ["example.com/theirs"]
    answer = site.run("resume", "dc1")
    assert answer.status == FAILED
    assert "is being deleted, which can't be taken back" in answer.err
    site.kube.merge(path, {"metadata": {"finalizers": []}})
