"""What the API server does with our objects besides checking their fields."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from msgspec import convert, to_builtins

from cocoon.api.conditions import Condition
from cocoon.api.job import AttemptStatus, Binding, InferenceJob, JobStatus, OutputStatus
from cocoon.api.money import Price, Usage
from cocoon.api.provider import (
    Capacity,
    CocoonProvider,
    Earnings,
    KeyringStatus,
    LastTransfer,
    ModelStatus,
    ProviderStatus,
    ServerCounts,
)
from cocoon.api.trust import Trust
from devcluster import ApiServer, build
from devcluster.kube import Answer
from devcluster.screen import Screen
from tests.api.crds.cluster import Objects, problems
from tests.api.crds.rules import CRDS, PLURALS, Manifest, base, patched

pytestmark = pytest.mark.api

READY = Condition("Ready", "True", "ServersReady", "1 of 1 servers is ready.", "2026-11-01T00:00:00Z", 1)
FULL_JOB = JobStatus(
    state="Succeeded",
    observed_generation=1,
    conditions=(Condition("Succeeded", "True", "Finished", "All items were answered.", "2026-11-01T00:00:00Z", 1),),
    binding=Binding(
        "owner/dc1", "owner/dc1-minilm-x7k2p", 2, Price(per_million_items="5"), "2026-11-01T00:00:00Z", "u"
    ),
    usage=Usage(items=2**63 - 1, failed_items=2**63 - 1, prompt_tokens=2**63 - 1, completion_tokens=2**63 - 1),
    cost="9" * 19,
    receipt="r" * 16_384,
    output=OutputStatus(config_map="a-output", sha256="0" * 64, bytes=512 * 1024),
    start_time="2026-11-01T00:00:00Z",
    completion_time="2026-11-01T00:01:00Z",
    attempts=(AttemptStatus(1, "owner/dc1-minilm-aaaaa", "Its node went away.", free=True),),
)
FULL_PROVIDER = ProviderStatus(
    observed_generation=1,
    conditions=(READY,),
    capacity=Capacity(4, 32, 31),
    servers=ServerCounts(1, 1, 1),
    trust=Trust.HARDWARE,
    price="1000000/M items",
    models=(ModelStatus("minilm", 1, 2, 3, Price(per_million_items="1000000")),),
    keyring=KeyringStatus("age1q", "2", "sha256:0 https://keyring.example"),
    earnings=Earnings("6", "1", "2", "3", LastTransfer("00", "2026-11-01T00:00:00Z", "3")),
)
FULL: dict[str, JobStatus | ProviderStatus] = {"inferencejobs": FULL_JOB, "cocoonproviders": FULL_PROVIDER}
KINDS: dict[str, type[InferenceJob | CocoonProvider]] = {
    "inferencejobs": InferenceJob,
    "cocoonproviders": CocoonProvider,
}


def with_status(objects: Objects, plural: str, name: str) -> Manifest:
    """A stored object whose status says all that a status can say."""
    stored = objects.create(plural, base(plural, name))
    return objects.replace(plural, stored | {"status": to_builtins(FULL[plural])}, "/status")


@pytest.mark.parametrize("plural", PLURALS)
def test_the_server_fills_in_what_the_structs_assume(plural: str, objects: Objects) -> None:
    sent = base(plural, "defaults")
    stored = objects.create(plural, sent)
    assert convert(stored, KINDS[plural]).spec == convert(sent, KINDS[plural]).spec


def test_the_default_output_is_an_empty_configmap(objects: Objects) -> None:
    objects.create("inferencejobs", base("inferencejobs", "default-output"))
    assert objects.get("inferencejobs", "default-output")["spec"]["output"] == {"configMap": {}}


def test_an_empty_object_survives_pruning_and_its_unknown_fields_do_not(objects: Objects) -> None:
    job = patched(base("inferencejobs", "pruned"), {"output": {"configMap": {"nmae": "x"}}, "modle": "x"})
    objects.create("inferencejobs", job)
    spec = objects.get("inferencejobs", "pruned")["spec"]
    assert spec["output"] == {"configMap": {}}
    assert "modle" not in spec


@pytest.mark.parametrize("plural", PLURALS)
def test_a_status_is_written_through_its_own_door_only(plural: str, objects: Objects) -> None:
    named = base(plural, "doors") | {"status": to_builtins(FULL[plural])}
    assert "status" not in objects.create(plural, named)
    stored = objects.get(plural, "doors")
    changed = patched(stored, {"priority": 5} if plural == "inferencejobs" else {"operation": "Hold"})
    written = objects.replace(plural, changed | {"status": to_builtins(FULL[plural])}, "/status")
    assert written["spec"] == stored["spec"]
    assert written["metadata"]["generation"] == 1
    after = objects.replace(plural, written | {"status": {}})
    assert after["status"] == written["status"]


@pytest.mark.parametrize("plural", PLURALS)
def test_a_full_status_comes_back_as_it_was(plural: str, objects: Objects) -> None:
    with_status(objects, plural, "full")
    assert convert(objects.get(plural, "full"), KINDS[plural]).status == FULL[plural]


@pytest.mark.parametrize("plural", PLURALS)
def test_a_status_write_of_name_version_and_status_alone(plural: str, objects: Objects) -> None:
    stored = objects.create(plural, base(plural, "minimal"))
    meta = {"name": "minimal", "resourceVersion": stored["metadata"]["resourceVersion"]}
    body = {"apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": meta}
    written = objects.replace(plural, body | {"status": to_builtins(FULL[plural])}, "/status")
    assert written["spec"] == stored["spec"]
    with pytest.raises(Answer) as refusal:
        objects.replace(plural, body | {"status": {}}, "/status")
    assert refusal.value.status == 409


@pytest.mark.parametrize("plural", PLURALS)
def test_a_status_is_owned_as_a_whole(plural: str, objects: Objects) -> None:
    with_status(objects, plural, "owned")
    entries = objects.get(plural, "owned")["metadata"]["managedFields"]
    assert [entry["fieldsV1"] for entry in entries if entry.get("subresource") == "status"] == [{"f:status": {}}]


@pytest.mark.parametrize("plural", PLURALS)
def test_a_status_in_words_of_another_version_is_taken(plural: str, objects: Objects) -> None:
    stored = objects.create(plural, base(plural, "words"))
    status = {"state": "Paused", "trust": "Silicon", "tomorrow": 1, "cost": "1.5"}
    objects.replace(plural, stored | {"status": status}, "/status")


def test_conditions_are_one_of_each_type(objects: Objects) -> None:
    stored = objects.create("cocoonproviders", base("cocoonproviders", "twice"))
    ready = to_builtins(READY)
    with pytest.raises(Answer, match="Duplicate value"):
        objects.replace("cocoonproviders", stored | {"status": {"conditions": [ready, ready]}}, "/status")


@pytest.mark.parametrize("plural", PLURALS)
def test_names_of_63_characters_and_no_more(plural: str, objects: Objects) -> None:
    objects.create(plural, base(plural, "n" * 63), dry=True)
    with pytest.raises(Answer) as refusal:
        objects.create(plural, base(plural, "n" * 64), dry=True)
    ((_, message),) = problems(refusal.value)
    assert "at most 63 characters" in message


def test_a_providers_name_has_no_dots(objects: Objects) -> None:
    with pytest.raises(Answer, match="no dots"):
        objects.create("cocoonproviders", base("cocoonproviders", "a.b"), dry=True)
    objects.create("inferencejobs", base("inferencejobs", "a.b"), dry=True)


@pytest.mark.parametrize(
    ("plural", "selector"),
    [
        ("inferencejobs", "spec.model=minilm"),
        ("inferencejobs", "spec.suspend=false"),
        ("inferencejobs", "status.state=Succeeded"),
        ("inferencejobs", "status.binding.provider=owner/dc1"),
        ("inferencejobs", "status.binding.server=owner/dc1-minilm-x7k2p"),
        ("cocoonproviders", "spec.operation=Serve"),
        ("cocoonproviders", "spec.confidential.trust=Hardware"),
        ("cocoonproviders", "status.trust=Hardware"),
        ("cocoonproviders", f"spec.wallet.address=0:{'0' * 64}"),
    ],
)
def test_field_selectors(plural: str, selector: str, objects: Objects) -> None:
    name = f"selected-{crc32(selector.encode())}"
    with_status(objects, plural, name)
    field, value = selector.split("=")
    assert name in objects.select(plural, selector)
    assert name not in objects.select(plural, f"{field}!={value}")


def columns(objects: Objects, plural: str, name: str) -> list[tuple[str, int, Any]]:
    """Heading, priority and value of each column that kubectl prints of the object."""
    accept = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    request = urllib.request.Request(objects.kube.url + objects.path(plural, name), headers=accept)
    with urllib.request.urlopen(request, timeout=10, context=objects.kube.tls) as answer:
        table = json.load(answer)
    (row,) = table["rows"]
    heads = [(column["name"], column["priority"]) for column in table["columnDefinitions"]]
    return [(*head, cell) for head, cell in zip(heads, row["cells"], strict=True)]


def test_the_columns_of_a_job(objects: Objects) -> None:
    with_status(objects, "inferencejobs", "columns")
    *found, (last, _, _) = columns(objects, "inferencejobs", "columns")
    assert found == [
        ("Name", 0, "columns"),
        ("Model", 0, "minilm"),
        ("State", 0, "Succeeded"),
        ("Provider", 0, "owner/dc1"),
        ("Server", 1, "owner/dc1-minilm-x7k2p"),
        ("Done", 0, 2**63 - 1),
        ("Cost", 0, "9" * 19),
    ]
    assert last == "Age"


def test_the_columns_of_a_provider(objects: Objects) -> None:
    with_status(objects, "cocoonproviders", "columns")
    *found, (last, _, _) = columns(objects, "cocoonproviders", "columns")
    assert found == [
        ("Name", 0, "columns"),
        ("Ready", 0, "True"),
        ("Trust", 0, "Hardware"),
        ("GPUs", 0, 32),
        ("Free", 0, 31),
        ("Servers", 0, 1),
        ("Price", 0, "1000000/M items"),
        ("Earned", 0, "6"),
    ]
    assert last == "Age"


def test_the_short_names_and_the_category(objects: Objects) -> None:
    found = objects.kube.call("GET", "/apis/cocoonfleet.io/v1alpha1")["resources"]
    named = {each["name"]: (each["shortNames"], each["categories"]) for each in found if "/" not in each["name"]}
    assert named == {"cocoonproviders": (["cprov"], ["cocoon"]), "inferencejobs": (["ijob"], ["cocoon"])}


@pytest.fixture(scope="session")
def kubectl() -> Path:
    return build.ensure(["node"], Screen())["kubectl"]


def apply(kubectl: Path, cluster: ApiServer, manifest: Manifest | Path, *more: str) -> subprocess.CompletedProcess[str]:
    """`kubectl apply` with strict validation, as a dry run on the server."""
    source = (str(manifest), "") if isinstance(manifest, Path) else ("-", json.dumps(manifest))
    command = [str(kubectl), f"--kubeconfig={cluster.kubeconfig}", "apply", "--validate=strict", "--dry-run=server"]
    return subprocess.run(
        [*command, *more, "-f", source[0]], input=source[1], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("plural", PLURALS)
def test_a_typo_is_shown_by_strict_validation(
    plural: str, objects: Objects, kubectl: Path, api_cluster: ApiServer
) -> None:
    good = base(plural, "strict")
    assert apply(kubectl, api_cluster, good, "--namespace=crds").returncode == 0
    bad = patched(good, {"modle": "minilm"})
    refused = apply(kubectl, api_cluster, bad, "--namespace=crds")
    assert refused.returncode != 0
    assert 'unknown field "spec.modle"' in refused.stderr


@pytest.mark.parametrize("plural", PLURALS)
def test_the_definitions_themselves_pass_strict_validation(
    plural: str, objects: Objects, kubectl: Path, api_cluster: ApiServer
) -> None:
    applied = apply(kubectl, api_cluster, CRDS / f"{plural}.yaml")
    assert applied.returncode == 0, applied.stderr
