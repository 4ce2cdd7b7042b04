"""The Structs and the CustomResourceDefinitions say the same, and the comparison notices when they don't."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct, convert

from cocoon.api.job import InferenceJob, JobSpec, JobStatus
from cocoon.api.provider import CocoonProvider, ProviderSpec, ProviderStatus
from tests.api.crds.rules import Case, cases, crd
from tests.unit.api.drift import differences

PARTS: list[tuple[str, str, type[Struct]]] = [
    ("cocoonproviders", "spec", ProviderSpec),
    ("cocoonproviders", "status", ProviderStatus),
    ("inferencejobs", "spec", JobSpec),
    ("inferencejobs", "status", JobStatus),
]


def schema(plural: str, part: str) -> dict[str, Any]:
    found: dict[str, Any] = crd(plural)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
    return found


@pytest.mark.parametrize(("plural", "part", "struct"), PARTS)
def test_they_agree(plural: str, part: str, struct: type[Struct]) -> None:
    assert sorted(differences(struct, schema(plural, part), part)) == []


def _delete(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda spec: spec["properties"].pop(name)


def _set(name: str, word: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda spec: spec["properties"][name].update({word: value})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_delete("budget"), "spec.budget is in JobSpec only"),
        (lambda spec: spec["properties"].update(extra={"type": "string"}), "spec.extra is in the definition only"),
        (lambda spec: spec["required"].remove("model"), "spec.model: required is False"),
        (lambda spec: spec["required"].append("budget"), "spec.budget: required is True"),
        (_set("priority", "default", 1), "spec.priority: the default is 1"),
        (_set("budget", "default", "0"), "spec.budget: the default is '0'"),
        (_set("output", "default", {}), "spec.output: the default is {}"),
        (_set("itemErrors", "enum", ["Continue"]), "spec.itemErrors: the definition allows ['Continue']"),
        (_set("model", "enum", ["minilm"]), "spec.model: the definition allows ['minilm']"),
        (_set("suspend", "type", "string"), "spec.suspend: type is 'string'"),
        (_set("attempts", "type", "number"), "spec.attempts: type is 'number'"),
        (_set("providers", "items", {"type": "string"}), "spec.providers[]: the definition says string"),
        (lambda spec: spec["properties"]["input"]["properties"].pop("sealed"), "spec.input.sealed is in JobInput only"),
    ],
)
def test_a_difference_is_noticed(change: Callable[[dict[str, Any]], object], says: str) -> None:
    changed = copy.deepcopy(schema("inferencejobs", "spec"))
    change(changed)
    found = list(differences(JobSpec, changed, "spec"))
    assert [line for line in found if line.startswith(says)], found
    assert len(found) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("state", "enum", ["Pending"]), "status.state: enum"),
        (_set("cost", "default", "0"), "status.cost: a status has no defaults"),
        (lambda status: status.update(required=["cost"]), "status.cost is required"),
        (_delete("receipt"), "status.receipt is in JobStatus only"),
    ],
)
def test_a_status_that_could_be_refused_is_noticed(change: Callable[[dict[str, Any]], object], says: str) -> None:
    changed = copy.deepcopy(schema("inferencejobs", "status"))
    change(changed)
    found = list(differences(JobStatus, changed, "status"))
    assert [line for line in found if line.startswith(says)], found


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases() if case.good])
def test_what_the_api_server_accepts_can_be_read(case: Case) -> None:
    kind = {"cocoonproviders": CocoonProvider, "inferencejobs": InferenceJob}[case.plural]
    convert(case.manifest, kind)
