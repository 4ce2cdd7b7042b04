"""Why a job waits, gate by gate, from objects of a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cocoon.api.groups import ATTESTED_CONDITION, FINALIZER
from cocoon.cli.failure import DONE, FORBIDDEN, MISSING
from cocoon.fleet.observe.provider import provider as read_provider
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.render.server_pod import RunnerTerms, server_pod
from tests.api.cli.conftest import Site
from tests.scenario import builders

pytestmark = pytest.mark.api
PROVIDERS, JOBS = "cocoonproviders", "inferencejobs"
AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def node(site: Site) -> Iterator[str]:
    """A node with two GPUs that this test's providers select."""
    name = f"node-{site.namespace}"
    body = builders.gpu_node(name, gpus=2)
    site.kube.call("POST", "/api/v1/nodes", body)
    site.kube.merge(f"/api/v1/nodes/{name}/status", {"status": body["status"]})
    yield name
    site.kube.call("DELETE", f"/api/v1/nodes/{name}")


@pytest.fixture
def provider(site: Site, node: str) -> str:
    """dc1, which offers minilm with room for 8 items, on that node alone."""
    body = builders.provider("dc1", ["minilm"], nodes={"selector": {"matchLabels": {"kubernetes.io/hostname": node}}})
    site.create(PROVIDERS, body)
    site.kube.merge(site.objects.path(PROVIDERS, "dc1"), {"metadata": {"finalizers": [FINALIZER]}})
    return node


def start(site: Site, node: str, name: str = "dc1-minilm-1", attested: str = "True") -> str:
    """A server's Pod that runs; its uid."""
    owner = read_provider(site.objects.get(PROVIDERS, "dc1"), allow_test_roots=True)
    offer = owner.offers["minilm"]
    wish = CreateServer(owner.key, owner.uid, "minilm", offer.template, node, owner.technologies[0], name)
    path = f"/api/v1/namespaces/{site.namespace}/pods"
    pod = site.kube.call("POST", path, server_pod(owner, wish, RunnerTerms(image="runner", operator_certificates="")))
    gate = {
        "type": ATTESTED_CONDITION,
        "status": attested,
        "reason": "TcbOutOfDate",
        "message": "m",
        "lastTransitionTime": AT,
    }
    status: dict[str, Any] = {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "conditions": [gate],
    }
    running = {"name": "runner", "image": "i", "imageID": "", "ready": True, "restartCount": 0}
    status["containerStatuses"] = [running | {"state": {"running": {"startedAt": AT}}}]
    site.kube.merge(f"{path}/{name}/status", {"status": status})
    return str(pod["metadata"]["uid"])


def why(site: Site, job: str = "j1") -> dict[str, Any]:
    answer = site.run("why", job, "-o", "json")
    assert answer.status == DONE, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    for part in ("offers", "servers", "nodes"):  # other tests have providers too
        found[part] = [each for each in found[part] if each["provider"].startswith(f"{site.namespace}/")]
    return found


def test_a_job_that_fits_everywhere(site: Site, provider: str) -> None:
    start(site, provider)
    site.create(JOBS, builders.job("j1", "minilm", parallelism=2))
    found = why(site)
    [server], [node] = found["servers"], found["nodes"]
    assert (server["offer"], server["state"], server["attested"]) == ("", "", "")
    assert (server["slotsFree"], server["slots"], server["slotsNeeded"]) == (8, 8, 2)
    assert (node["node"], node["offer"], node["nodeObstacle"], node["gpusFree"]) == (provider, "", "", 1)
    answer = site.run("why", "j1")
    assert answer.row(f"{site.namespace}/dc1-minilm-1")[2:] == ["ok", "ok", "ok", "8/8", "yes"]
    assert "- Verdicts are the operator's own" in answer.out


def test_each_gate_says_what_is_in_the_way(site: Site, provider: str) -> None:
    start(site, provider, attested="False")
    site.create(JOBS, builders.job("j1", "minilm", minimumTrust="Hardware", parallelism=9))
    site.create(JOBS, builders.job("j2", "minilm", parallelism=9))
    [server] = why(site)["servers"]
    assert (server["offer"], server["attested"]) == ("with trust Test only", "not attested (TcbOutOfDate)")
    assert [each["terms"] for each in why(site)["offers"]] == ["with trust Test only"]
    assert [each["offer"] for each in why(site, "j2")["servers"]] == ["too small for parallelism 9"]


def test_slots_of_running_jobs_are_taken(site: Site, provider: str) -> None:
    uid = start(site, provider)
    site.create(JOBS, builders.job("runs", "minilm", parallelism=7))
    binding = {
        "provider": f"{site.namespace}/dc1",
        "server": f"{site.namespace}/dc1-minilm-1",
        "attempt": 1,
        "boundAt": AT,
    }
    binding |= {"price": {"perMillionItems": "1"}, "serverUID": uid}
    site.say(JOBS, "runs", {"state": "Running", "binding": binding})
    site.create(JOBS, builders.job("j1", "minilm", parallelism=2))
    [server] = why(site)["servers"]
    assert server["slotsFree"] == 1
    assert site.run("why", "j1").row(server["server"])[-2:] == ["1/8", "no"]
    assert f"attempt 1 runs on server {site.namespace}/dc1-minilm-1" in site.run("why", "runs").out


def test_gpus_of_others_and_cordons_count(site: Site, provider: str) -> None:
    start(site, provider)
    container = {"name": "c", "image": "i", "resources": {"limits": {builders.GPU: "1"}}}
    other = {"metadata": {"name": "other"}, "spec": {"nodeName": provider, "containers": [container]}}
    site.kube.call("POST", f"/api/v1/namespaces/{site.namespace}/pods", other)
    site.create(JOBS, builders.job("j1", "minilm"))
    assert [each["nodeObstacle"] for each in why(site)["nodes"]] == ["have 0 of 1 GPUs free"]
    site.kube.merge(f"/api/v1/nodes/{provider}", {"spec": {"unschedulable": True}})
    assert [each["nodeObstacle"] for each in why(site)["nodes"]] == ["cordoned"]


def test_offers_that_start_no_servers(site: Site, provider: str) -> None:
    site.create(JOBS, builders.job("j1", "minilm"))
    assert [(each["terms"], each["starting"]) for each in why(site)["offers"]] == [("", "")]
    site.run("hold", "dc1")
    assert [each["starting"] for each in why(site)["offers"]] == ["of a provider that starts no servers now"]
    row = site.run("why", "j1").row(f"{site.namespace}/dc1")
    assert " ".join(row[1:]) == "ok of a provider that starts no servers now 0 of at most 4"


def test_the_operators_words_and_the_place_in_the_queue(site: Site, provider: str) -> None:
    for name, priority in (("first", 10), ("j1", 0), ("another-class", 100)):
        site.create(
            JOBS, builders.job(name, "minilm", priority=priority, parallelism=1 if name != "another-class" else 2)
        )
    told = {
        "type": "Bound",
        "status": "False",
        "reason": "CreditExhausted",
        "message": "Ask for credit.",
        "lastTransitionTime": AT,
    }
    site.say(JOBS, "j1", {"state": "Pending", "conditions": [told]})
    answer = site.run("why", "j1")
    assert "It is number 2 of 2 jobs that are alike to every server." in answer.out
    assert "The operator says: CreditExhausted: Ask for credit." in answer.out
    site.create(JOBS, builders.job("lonely", "nobody-offers-this"))
    assert "Nobody that you can see offers its model." in site.run("why", "lonely").out


def test_a_sealed_job_without_its_keyring(site: Site, provider: str) -> None:
    body = builders.job("j1", "minilm", input={"inline": "sealed", "sealed": True}, modelSHA256="ab" * 32)
    labels = {"metadata": {"labels": {"cocoonfleet.io/sealed-to": "0123456789abcdef"}}}
    site.create(JOBS, body)
    site.kube.merge(site.objects.path(JOBS, "j1"), labels)
    told = {
        "type": "Bound",
        "status": "False",
        "reason": "NoKeyring",
        "message": "No keyring.",
        "lastTransitionTime": AT,
    }
    site.say(JOBS, "j1", {"state": "Pending", "conditions": [told]})
    assert [each["keyring"] for each in why(site)["offers"]] == ["names no keyring"]
    keyring = {"recipient": "age1new", "epoch": "fedcba9876543210", "evidence": "sha256:0 https://keyring:8443"}
    site.say(PROVIDERS, "dc1", {"keyring": keyring})
    answer = site.run("why", "j1")
    assert "What to do: Ask an administrator to look at the keyring" in answer.out
    assert "sealed to the key of epoch 0123456789abcdef" in answer.out
    assert "names the key of epoch fedcba9876543210" in " ".join(answer.row(f"{site.namespace}/dc1"))
    site.say(PROVIDERS, "dc1", {"keyring": keyring | {"epoch": "0123456789abcdef"}})
    assert answer.row(f"{site.namespace}/dc1")[-1] != site.run("why", "j1").row(f"{site.namespace}/dc1")[-1] == "ok"


def test_jobs_that_do_not_wait(site: Site) -> None:
    site.create(JOBS, builders.job("held", "minilm", suspend=True))
    site.create(JOBS, builders.job("late", "minilm", deadline="2020-01-01T00:00:00Z"))
    site.create(JOBS, builders.job("over", "minilm"))
    site.say(JOBS, "over", {"state": "Failed", "completionTime": AT})
    assert "It is suspended" in site.run("why", "held").out
    assert "Its deadline is over." in site.run("why", "late").out
    assert "It is over: Failed" in site.run("why", "over").out


def test_a_job_that_is_not_there(site: Site) -> None:
    assert site.run("why", "nothing").status == MISSING


@pytest.fixture
def tenant(site: Site, stranger: Path) -> Path:
    """A kubeconfig of somebody who may see jobs and providers of the namespace, and nothing else."""
    rules = [{"apiGroups": ["cocoonfleet.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{site.namespace}"
    site.kube.call("POST", f"{roles}/roles", {"metadata": {"name": "jobs"}, "rules": rules})
    subjects = [{"kind": "ServiceAccount", "name": "stranger", "namespace": site.namespace}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "jobs"}
    binding = {"metadata": {"name": "jobs"}, "roleRef": role, "subjects": subjects}
    site.kube.call("POST", f"{roles}/rolebindings", binding)
    return stranger


def test_a_tenant_sees_less_and_is_told_so(site: Site, provider: str, tenant: Path) -> None:
    start(site, provider)
    site.create(JOBS, builders.job("j1", "minilm"))
    answer = site.run("why", "j1", kubeconfig=tenant)
    assert answer.status == DONE
    assert "- You may not list nodes: no nodes are shown." in answer.out
    assert "- You may not list pods of all namespaces: servers of other namespaces are not shown." in answer.out
    denied = site.run("drain", "dc1", kubeconfig=tenant)
    assert denied.status == FORBIDDEN
    assert "You may not do this:" in denied.err
