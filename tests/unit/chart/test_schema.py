"""The schema knows every value, and names each that is wrong: all of them at once, as helm reports them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from tests.unit.chart.conftest import CHART, Render

SCHEMA: Final = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: Final = yaml.safe_load((CHART / "values.yaml").read_text())
WRONG: Final = {"string": 17, "boolean": "yes", "integer": "many", "number": "many", "array": "one", "object": "text"}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value that holds no others by name, with its schema."""
    for name, inner in schema["properties"].items():
        found = resolved(inner)
        if "properties" in found:
            yield from leaves(found, f"{path}/{name}")
        else:
            yield f"{path}/{name}", found


def objects(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Each object whose keys are all known."""
    if schema.get("additionalProperties") is False:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from objects(resolved(inner), f"{path}/{name}")


def placed(found: dict[str, object]) -> dict[str, Any]:
    """Values with each of these at its path."""
    values: dict[str, Any] = {}
    for path, value in found.items():
        *way, last = path.strip("/").split("/")
        place = values
        for name in way:
            place = place.setdefault(name, {})
        place[last] = value
    return values


def refusal(render: Render, values: dict[str, Any]) -> str:
    with pytest.raises(ValueError, match="values don't meet the specifications of the schema") as refused:
        render(values)
    return str(refused.value)


@pytest.mark.helm
def test_a_value_of_the_wrong_type_is_named(render: Render) -> None:
    """Or a word that is not among those of an enumeration."""
    wrong = {path: "no such word" if "enum" in found else WRONG[found["type"]] for path, found in leaves(SCHEMA)}
    said = refusal(render, placed(wrong))
    named = set(re.findall(r"^ *- at '([^']+)'", said, re.MULTILINE))
    assert len(wrong) > 150
    assert set(wrong) - named == set()


@pytest.mark.helm
def test_the_words_of_an_enumeration_are_listed(render: Render) -> None:
    words = {path: found["enum"] for path, found in leaves(SCHEMA) if "enum" in found}
    said = refusal(render, placed(dict.fromkeys(words, "no such word")))
    for path, allowed in words.items():
        listed = ", ".join(f"'{word}'" for word in allowed)
        assert re.search(rf"at '{path}': value must be one of {listed}", said), path


@pytest.mark.helm
def test_a_key_that_does_not_exist_is_named(render: Render) -> None:
    places = set(objects(SCHEMA))
    said = refusal(render, placed({f"{place}/typo": 1 for place in places}))
    assert len(places) > 25
    for place in places:
        assert f"at '{place}': additional properties 'typo' not allowed" in said


def test_every_value_is_in_the_file_and_the_other_way_round() -> None:
    """Values that only the schema knew would be in no page."""

    def known(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, value in values.items():
            inner = resolved(schema["properties"][name])
            yield f"{path}/{name}"
            if isinstance(value, dict) and "properties" in inner:
                yield from known(value, inner, f"{path}/{name}")

    written = set(known(DEFAULTS, SCHEMA))
    unwritten = {path for path, _ in leaves(SCHEMA) if path not in written and path.rpartition("/")[0] in written}
    terms = {path for path in unwritten if path.startswith("/keyring/terms/")}
    assert unwritten - terms == {"/payout/policy/collateralCache"}


def sections(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Each object of the values file that holds others by name."""
    for name, value in values.items():
        inner = resolved(schema["properties"][name])
        if isinstance(value, dict) and value and "properties" in inner:
            yield f"{path}/{name}"
            yield from sections(value, inner, f"{path}/{name}")


@pytest.mark.helm
def test_a_section_without_anything_in_it_is_named(render: Render) -> None:
    """`keyring:` with all its lines commented out is null, which Helm takes as the wish to have no such key."""
    empty = set(sections(DEFAULTS, SCHEMA))
    assert {"/keyring", "/payout/wallet", "/monitoring/dashboards"} < empty
    for depth in {path.count("/") for path in empty}:
        said = refusal(render, placed({path: None for path in empty if path.count("/") == depth}))
        missing = re.findall(r"at '([^']*)': missing propert(?:y|ies) (.*)", said)
        named = {f"{place}/{name}" for place, names in missing for name in re.findall(r"'([^']+)'", names)}
        assert named == {path for path in empty if path.count("/") == depth}
