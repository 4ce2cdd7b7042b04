"""From objects to records: whatever is stored, a record or a reason comes of it, never an error."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.groups import PROVIDER_KIND
from cocoon.api.resources import Manifest
from cocoon.fleet.observe.job import job
from cocoon.fleet.observe.node import add_up, foreign_use, namespace, node, requested
from cocoon.fleet.observe.pod import server
from cocoon.fleet.observe.provider import provider
from cocoon.fleet.observe.reading import Unreadable
from tests.scenario import builders

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def _stored(body: Manifest) -> Manifest:
    meta = {"uid": "u1", "resourceVersion": "7", "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return body | {"metadata": body["metadata"] | meta}


def _job(**spec: Any) -> Manifest:
    body = builders.job("j1", "minilm")
    body["spec"] |= spec
    return _stored(body)


def _provider(models: list[Any] | None = None, **spec: Any) -> Manifest:
    return _stored(builders.provider("dc1", models or ["minilm"], **spec))


def test_a_job_is_read_without_its_input() -> None:
    record = job(_job(priority=5, budget="100", deadline="2026-01-02T00:00:00Z"))
    assert (record.key, record.uid, record.generation) == ("default/j1", "u1", 2)
    assert (record.priority, record.budget, record.deadline) == (5, 100, 1767312000.0)
    assert record.flaws == ()


@pytest.mark.parametrize(
    ("part", "spec"),
    [
        ("model", {"model": ""}),
        ("input", {"input": {}}),
        ("input", {"input": {"inline": "x", "uri": "https://x", "sha256": "y"}}),
        ("input", {"input": {"uri": "https://x"}}),
        ("output", {"output": {}}),
        ("parallelism", {"parallelism": 0}),
        ("parallelism", {"parallelism": 4097}),
        ("attempts", {"attempts": 0}),
        ("budget", {"budget": "1.5"}),
        ("deadline", {"deadline": "tomorrow"}),
        ("maximumPrice", {"maximumPrice": {"perMillionItems": "-1"}}),
    ],
)
def test_what_makes_a_job_impossible_is_a_flaw(part: str, spec: dict[str, Any]) -> None:
    assert [flaw.part for flaw in job(_job(**spec)).flaws] == [part]


def test_a_job_whose_spec_was_pruned_is_a_flaw() -> None:
    body = _job()
    del body["spec"]["input"]
    record = job(body)
    assert [flaw.reason for flaw in record.flaws] == ["InvalidSpec"]
    assert record.key == "default/j1"


def test_a_status_that_cannot_be_read_is_written_anew() -> None:
    assert job(_job() | {"status": {"state": "Unheard"}}).status.state == "Pending"


def test_the_receipt_of_a_reported_job_is_not_kept() -> None:
    reported = {"type": "Reported", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": ""}
    status: dict[str, Any] = {"state": "Succeeded", "receipt": "a.b.c", "conditions": [reported]}
    assert job(_job() | {"status": status}).status.receipt is None
    status["conditions"] = [reported | {"status": "False"}]
    assert job(_job() | {"status": status}).status.receipt == "a.b.c"


def test_a_receipt_that_nobody_pays_for_is_not_kept() -> None:
    condition = {"type": "Reported", "status": "False", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    kept = {}
    for reason in ("NoPayoutService", "PayoutServiceUnreachable"):
        status = {"state": "Succeeded", "receipt": "a.b.c", "conditions": [condition | {"reason": reason}]}
        kept[reason] = job(_job() | {"status": status}).status.receipt
    assert kept == {"NoPayoutService": None, "PayoutServiceUnreachable": "a.b.c"}


def test_a_provider_is_read_in_numbers() -> None:
    record = provider(_provider(drainTimeout="1h30m"), allow_test_roots=True)
    assert record.drain_timeout == 5400
    assert record.flaws == ()
    assert record.offers["minilm"].idle_timeout == 600


@pytest.mark.parametrize(
    ("part", "spec"),
    [
        ("wallet.address", {"wallet": {"address": "nonsense"}}),
        ("wallet.address", {"wallet": {"address": "UQBFzSjHNZv_pCXwvVR4BaLzS0qkM8mLkqCgPqiiuFVqQg9A"}}),
        ("confidential.technologies", {"confidential": {"trust": "Test", "technologies": []}}),
        ("drainTimeout", {"drainTimeout": "soon"}),
    ],
)
def test_what_makes_a_provider_unusable_is_a_flaw(part: str, spec: dict[str, Any]) -> None:
    assert [flaw.part for flaw in provider(_provider(**spec), allow_test_roots=True).flaws] == [part]


def test_test_roots_are_refused_unless_they_are_allowed() -> None:
    assert [flaw.reason for flaw in provider(_provider()).flaws] == ["TestRootsNotAllowed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "A" * 64},
        {"source": {}},
        {"source": {"uri": "https://x", "image": "y"}},
        {"gpus": 0},
        {"gpus": 17},
        {"maxConcurrency": 0},
        {"servers": {"minimum": 3, "maximum": 2}},
        {"servers": {"idleTimeout": "never"}},
        {"price": {"perMillionItems": "free"}},
        {"price": {"perMillionPromptTokens": "1", "perMillionCompletionTokens": "1"}},
        {"meter": {"unit": "Tokens"}},
    ],
)
def test_a_model_that_cannot_be_offered_leaves_the_others_alone(wrong: dict[str, Any]) -> None:
    record = provider(_provider([builders.model("good"), builders.model("bad", **wrong)]), allow_test_roots=True)
    assert list(record.offers) == ["good"]
    assert {flaw.part for flaw in record.flaws} == {"models/bad"}


def test_a_node_says_which_extended_resources_it_has() -> None:
    record = node(_stored(builders.gpu_node("n1", 4)))
    assert record.allocatable == {builders.GPU: 4}
    assert record.not_ready_since is None


def test_a_node_is_not_ready_since_its_last_transition_or_its_creation() -> None:
    body = _stored(builders.gpu_node("n1"))
    body["status"]["conditions"][0] |= {"status": "Unknown"}
    assert node(body).not_ready_since == 1767225600.0
    body["status"]["conditions"] = []
    assert node(body).not_ready_since == 1767225600.0


def test_numbers_at_their_limits_are_no_numbers_of_gpus() -> None:
    body = _stored(builders.gpu_node("n1"))
    for text in ("-1", "1.5", "1k", "9" * 30, None, True):
        body["status"]["allocatable"] = {builders.GPU: text}
        assert node(body).allocatable == {builders.GPU: 0}


def test_gpus_of_others_are_added_up() -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n1", "containers": [{"resources": {"limits": {builders.GPU: "2"}}}] * 2},
        "status": {"phase": "Running"},
    }
    ours = pod | {"metadata": {"labels": {"app.kubernetes.io/managed-by": "cocoon-fleet"}}}
    over = pod | {"status": {"phase": "Succeeded"}}
    uses = [use for each in (pod, pod, ours, over) if (use := foreign_use(each))]
    assert [(use.node, use.used) for use in add_up(uses, ["n1", "n2"])] == [("n1", {builders.GPU: 8}), ("n2", {})]


def test_the_largest_init_container_counts_if_it_holds_more() -> None:
    spec = {
        "containers": [{"resources": {"limits": {builders.GPU: "1"}}}],
        "initContainers": [{"resources": {"requests": {builders.GPU: "3"}}}],
    }
    assert requested({"spec": spec}) == {builders.GPU: 3}


def test_a_sidecar_holds_gpus_beside_the_containers() -> None:
    held = {"resources": {"limits": {builders.GPU: "2"}}}
    sidecar = {"restartPolicy": "Always", **held}
    assert requested({"spec": {"initContainers": [sidecar], "containers": [held]}}) == {builders.GPU: 4}


def _pod(runner: Manifest) -> Manifest:
    owner = {"apiVersion": "v1", "kind": PROVIDER_KIND, "name": "dc1", "uid": "u0", "controller": True}
    status = {"phase": "Running", "containerStatuses": [{"name": "triton", "state": {"running": {}}}, runner]}
    return _stored(
        {"metadata": {"name": "p", "namespace": "default", "ownerReferences": [owner]}, "spec": {}, "status": status}
    )


def test_a_server_runs_once_its_runner_does_whatever_its_pods_phase() -> None:
    assert server(_pod({"name": "runner", "state": {"running": {}}})).running
    assert not server(_pod({"name": "runner", "state": {"waiting": {"reason": "CrashLoopBackOff"}}})).running


def test_a_pod_of_somebody_else_is_no_server() -> None:
    with pytest.raises(Unreadable):
        server({"metadata": {"name": "p", "namespace": "default"}})


@given(ANYTHING, st.sampled_from([job, provider, node, namespace]))
def test_whatever_is_stored_comes_to_a_record_or_a_reason(value: Any, observe: Any) -> None:
    for body in (value, {"metadata": value}, {"metadata": {"name": "x"}, "spec": value, "status": value}):
        try:
            observe(copy.deepcopy(body))
        except Unreadable:
            continue
