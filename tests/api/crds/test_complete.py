"""No rule of the definitions goes untried: each stands in a table with a manifest that breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.api.crds.rules import PLURALS, Manifest, crd, table

LIMITS = {
    "minimum": "greater than or equal to {}",
    "maximum": "less than or equal to {}",
    "minItems": "at least {} items",
    "minLength": "at least {} char",
}


def spec_of(plural: str) -> Manifest:
    found: Manifest = crd(plural)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def rules(schema: Manifest, path: str) -> Iterator[tuple[str, str]]:
    """Where each rule at and below this place reports a failure, and a part of what it says."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path + rule.get("fieldPath", ""), rule["message"]
    for word, says in LIMITS.items():
        if word in schema:
            yield path, says.format(schema[word])
    if "enum" in schema:
        yield path, "supported values"
    if schema.get("format") in ("date", "date-time"):
        yield path, schema["format"]
    if schema.get("x-kubernetes-list-type") in ("map", "set"):
        yield f"{path}[]", "Duplicate value"
    for name in schema.get("required", ()):
        yield f"{path}.{name}", "Required value"
    yield from _below(schema, path)


def _below(schema: Manifest, path: str) -> Iterator[tuple[str, str]]:
    for name, part in schema.get("properties", {}).items():
        yield from rules(part, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from rules(schema[word], f"{path}[]")


@pytest.mark.parametrize("plural", PLURALS)
def test_every_rule_is_tried(plural: str) -> None:
    rows = [(re.sub(r"\[.*?\]", "[]", row["field"]), row["says"]) for row in table(plural)["rules"]]
    tried = {rule for rule in rules(spec_of(plural), "spec") for row in rows if row[0] == rule[0] and row[1] in rule[1]}
    assert set(rules(spec_of(plural), "spec")) - tried == set()


def test_every_field_of_a_job_is_tried_for_changes() -> None:
    tried = {row["of"] for row in table("inferencejobs")["rules"] if "of" in row}
    assert tried == spec_of("inferencejobs")["properties"].keys() - {"suspend", "priority", "deadline"}


@pytest.mark.parametrize("plural", PLURALS)
def test_everything_is_described_and_bounded(plural: str) -> None:
    assert list(_unbounded(spec_of(plural), "spec")) == []


def _unbounded(schema: Manifest, path: str) -> Iterator[str]:
    bound = {"string": "maxLength", "array": "maxItems"}.get(schema.get("type", ""))
    if bound and not {bound, "enum"} & schema.keys():
        yield f"{path} has no {bound}"
    if "additionalProperties" in schema and "maxProperties" not in schema:
        yield f"{path} has no maxProperties"
    if not path.endswith("[]") and not schema.get("description"):
        yield f"{path} has no description"
    for name, part in schema.get("properties", {}).items():
        yield from _unbounded(part, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from _unbounded(schema[word], f"{path}[]")
