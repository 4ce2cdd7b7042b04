"""What the operator takes for granted of the Kubernetes API, tried on the real one and on the scenarios' fake."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cocoon.api.groups import FINALIZER
from cocoon.api.resources import CONFIG_MAP, JOB, LEASE, POD, PROVIDER, Manifest
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.ports.cluster import Cluster, Where
from cocoon.fleet.ports.failures import Gone
from cocoon.fleet.ports.kubernetes_cluster import KubernetesCluster
from cocoon.fleet.ports.login import log_in
from cocoon.fleet.ports.resources import Ref
from devcluster import ApiServer
from tests.scenario import builders
from tests.scenario.cluster import FakeCluster


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.api)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    if request.param == "fake":
        yield FakeCluster(time.time)
        return
    request.getfixturevalue("kube")
    server: ApiServer = request.getfixturevalue("api_cluster")
    login = await log_in(str(server.kubeconfig))
    async with KubernetesCluster(login, Metrics()) as real:
        yield real


@pytest.fixture
def where(request: pytest.FixtureRequest) -> str:
    real = "real" in request.node.callspec.id
    return str(request.getfixturevalue("namespace")) if real else "default"


def _in(namespace: str, manifest: Manifest) -> Manifest:
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}


def _job(namespace: str, name: str = "j1") -> Manifest:
    return _in(namespace, builders.job(name, "minilm"))


def _provider(namespace: str) -> Manifest:
    return _in(namespace, builders.provider("dc1", ["minilm"]))


def _config_map(namespace: str) -> Manifest:
    meta = {"name": "c1", "namespace": namespace, "labels": {"a": "b"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": "v"}}


def _pod(namespace: str) -> Manifest:
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "c", "image": "i", "securityContext": safe}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p1", "namespace": namespace}, "spec": spec}


def _status(state: str) -> dict[str, Any]:
    return {"state": state}


async def test_what_is_created_is_read_and_listed(cluster: Cluster, where: str) -> None:
    created = await cluster.create(_config_map(where))
    assert (await cluster.read(Ref(CONFIG_MAP, where, "c1")))["metadata"]["uid"] == created["metadata"]["uid"]
    found = [page async for page in cluster.pages(CONFIG_MAP, Where(namespace=where, labels="a=b"))]
    assert [body["metadata"]["name"] for page in found for body in page.items] == ["c1"]
    assert int(found[0].version) >= int(created["metadata"]["resourceVersion"])
    none = [
        body async for page in cluster.pages(CONFIG_MAP, Where(namespace=where, labels="a=c")) for body in page.items
    ]
    assert none == []


async def test_a_name_is_taken_once(cluster: Cluster, where: str) -> None:
    await cluster.create(_config_map(where))
    with pytest.raises(Gone):
        await cluster.create(_config_map(where))


async def test_what_is_not_there_is_gone(cluster: Cluster, where: str) -> None:
    with pytest.raises(Gone):
        await cluster.read(Ref(JOB, where, "none"))
    with pytest.raises(Gone):
        await cluster.write_status(Ref(JOB, where, "none"), "", "1", _status("Running"))
    with pytest.raises(Gone):
        await cluster.delete(Ref(CONFIG_MAP, where, "none"), "uid")


async def test_a_status_write_answers_with_the_spec_and_leaves_it_alone(cluster: Cluster, where: str) -> None:
    job = await cluster.create(_job(where))
    meta = job["metadata"]
    written = await cluster.write_status(
        Ref(JOB, where, "j1"), meta["uid"], meta["resourceVersion"], _status("Running")
    )
    assert written["status"]["state"] == "Running"
    assert written["spec"]["input"] == job["spec"]["input"]
    assert written["metadata"]["generation"] == meta["generation"]
    assert int(written["metadata"]["resourceVersion"]) > int(meta["resourceVersion"])


async def test_a_status_write_replaces_the_whole_status(cluster: Cluster, where: str) -> None:
    job = await cluster.create(_job(where))
    ref, uid = Ref(JOB, where, "j1"), job["metadata"]["uid"]
    both = await cluster.write_status(ref, uid, job["metadata"]["resourceVersion"], _status("Running") | {"cost": "1"})
    one = await cluster.write_status(ref, uid, both["metadata"]["resourceVersion"], _status("Pending"))
    assert "cost" not in one["status"]


async def test_a_status_write_of_an_old_version_is_gone(cluster: Cluster, where: str) -> None:
    job = await cluster.create(_job(where))
    ref, meta = Ref(JOB, where, "j1"), job["metadata"]
    await cluster.write_status(ref, meta["uid"], meta["resourceVersion"], _status("Running"))
    with pytest.raises(Gone):
        await cluster.write_status(ref, meta["uid"], meta["resourceVersion"], _status("Failed"))


async def test_a_status_write_for_another_uid_is_gone(cluster: Cluster, where: str) -> None:
    job = await cluster.create(_job(where))
    with pytest.raises(Gone):
        await cluster.write_status(
            Ref(JOB, where, "j1"), "another", job["metadata"]["resourceVersion"], _status("Running")
        )


async def test_deletion_of_another_uid_is_gone(cluster: Cluster, where: str) -> None:
    body = await cluster.create(_config_map(where))
    with pytest.raises(Gone):
        await cluster.delete(Ref(CONFIG_MAP, where, "c1"), "another")
    await cluster.delete(Ref(CONFIG_MAP, where, "c1"), body["metadata"]["uid"])
    with pytest.raises(Gone):
        await cluster.read(Ref(CONFIG_MAP, where, "c1"))


async def test_a_condition_leaves_those_of_others_alone(cluster: Cluster, where: str) -> None:
    pod = await cluster.create(_pod(where))
    for kind, manager in (("cocoonfleet.io/Attested", "attested"), ("cocoonfleet.io/Retiring", "retiring")):
        condition = {
            "type": kind,
            "status": "True",
            "reason": "R",
            "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        meta = {"name": "p1", "namespace": where, "uid": pod["metadata"]["uid"]}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"conditions": [condition]}}
        written = await cluster.apply_status(manifest, f"cocoon-fleet-condition-{manager}")
    kinds = {each["type"] for each in written["status"]["conditions"]}
    assert {"cocoonfleet.io/Attested", "cocoonfleet.io/Retiring"} <= kinds


async def test_a_condition_of_another_uid_is_gone(cluster: Cluster, where: str) -> None:
    await cluster.create(_pod(where))
    meta = {"name": "p1", "namespace": where, "uid": "another"}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"conditions": []}}
    with pytest.raises(Gone):
        await cluster.apply_status(manifest, "cocoon-fleet-condition-attested")
    assert (await cluster.read(Ref(POD, where, "p1")))["metadata"]["uid"] != "another"


async def test_our_finalizer_comes_and_goes_and_others_stay(cluster: Cluster, where: str) -> None:
    body = _provider(where)
    body["metadata"]["finalizers"] = ["example.com/theirs"]
    provider = await cluster.create(body)
    meta = {"name": "dc1", "namespace": where, "uid": provider["metadata"]["uid"]}
    ours = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": meta | {"finalizers": [FINALIZER]}}
    written = await cluster.apply(ours, "cocoon-fleet-finalizer")
    assert sorted(written["metadata"]["finalizers"]) == [FINALIZER, "example.com/theirs"]
    assert written["spec"]["models"] == provider["spec"]["models"]
    without = await cluster.apply(ours | {"metadata": meta}, "cocoon-fleet-finalizer")
    assert without["metadata"]["finalizers"] == ["example.com/theirs"]


async def test_our_finalizer_goes_after_statuses_were_written(cluster: Cluster, where: str) -> None:
    """A status is written without `metadata.finalizers`: that takes ours from its manager, and leaves it in place."""
    provider = await cluster.create(_provider(where))
    meta = {"name": "dc1", "namespace": where, "uid": provider["metadata"]["uid"]}
    bare = {"apiVersion": provider["apiVersion"], "kind": provider["kind"], "metadata": meta}
    ours = bare | {"metadata": meta | {"finalizers": [FINALIZER]}}
    ref, uid = Ref(PROVIDER, where, "dc1"), provider["metadata"]["uid"]
    written = await cluster.apply(ours, "cocoon-fleet-finalizer")
    written = await cluster.write_status(ref, uid, written["metadata"]["resourceVersion"], {"trust": "Test"})
    await cluster.delete(ref, uid)
    left = await cluster.apply(bare, "cocoon-fleet-finalizer")
    assert left["metadata"]["finalizers"] == [FINALIZER], "nobody holds it, so nothing takes it away"
    await cluster.apply(ours, "cocoon-fleet-finalizer")
    await cluster.apply(bare, "cocoon-fleet-finalizer")
    with pytest.raises(Gone):
        await cluster.read(ref)


async def test_a_finalizer_does_not_bring_a_provider_back(cluster: Cluster, where: str) -> None:
    body = _provider(where)
    meta = {"name": "dc1", "namespace": where, "uid": "11111111-1111-1111-1111-111111111111"}
    with pytest.raises(Gone):
        await cluster.apply(
            {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": meta | {"finalizers": [FINALIZER]}},
            "cocoon-fleet-finalizer",
        )
    with pytest.raises(Gone):
        await cluster.read(Ref(PROVIDER, where, "dc1"))


async def test_of_two_who_take_a_lease_one_gets_it(cluster: Cluster, where: str) -> None:
    meta = {"name": "l1", "namespace": where}
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 10}
    lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": meta, "spec": spec}
    made = await cluster.create(lease)
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    await cluster.replace(lease | {"metadata": meta | version, "spec": spec | {"holderIdentity": "b"}})
    with pytest.raises(Gone):
        await cluster.replace(lease | {"metadata": meta | version, "spec": spec | {"holderIdentity": "c"}})
    assert (await cluster.read(Ref(LEASE, where, "l1")))["spec"]["holderIdentity"] == "b"
