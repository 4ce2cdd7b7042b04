"""Fields of values and objects by their names: whether the chart and the CRDs know them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import yaml

from tests.unit.docs.pages import ROOT

Schema = dict[str, Any]
FILES: Final = {"CocoonProvider": "cocoonproviders", "InferenceJob": "inferencejobs"}


@cache
def values() -> Schema:
    """The schema of the chart's values."""
    found: Schema = json.loads((ROOT / "charts/cocoon-fleet/values.schema.json").read_text())
    return found


@cache
def kind(name: str) -> Schema:
    """The schema of an object of ours."""
    definition = yaml.safe_load((ROOT / f"crds/{FILES[name]}.yaml").read_text())
    found: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def knows(schema: Schema, path: str) -> bool:
    """Whether a field like `payout.clusters[].id` is one; maps take any key."""
    here: Schema | None = schema
    for name in path.replace("[]", "").replace("[0]", "").split("."):
        here = _below(here, name) if here is not None else None
    return here is not None


def strangers(schema: Schema, value: object, path: str = "") -> Iterator[str]:
    """Fields of a value that its schema does not know."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below = _below(schema, str(name))
            where = f"{path}.{name}".lstrip(".")
            if below is None:
                yield where
            else:
                yield from strangers(below, inner, where)
    elif isinstance(value, list):
        for inner in value:
            yield from strangers(_resolved(schema).get("items", {}), inner, f"{path}[]")


def _below(schema: Schema, name: str) -> Schema | None:
    """The schema of a field; one that takes all for what is left open; None for a field that does not exist."""
    schema = _resolved(schema)
    if "items" in schema:
        schema = _resolved(schema["items"])
    if name in schema.get("properties", {}):
        found: Schema = schema["properties"][name]
        return found
    others = schema.get("additionalProperties", "properties" not in schema)
    return others if isinstance(others, dict) else {} if others else None


def _resolved(schema: Schema) -> Schema:
    """The schema that a `$ref` within the values' schema leads to."""
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    found: Schema = values()
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
