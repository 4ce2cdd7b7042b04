"""Fields exist: those of every YAML block that is a set of values or an object of ours, and those that are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cocoon.fleet.settings import read_settings
from tests.unit.docs.fields import FILES, kind, knows, strangers, values
from tests.unit.docs.pages import PAGES, ROOT, Block, blocks, inline_code

MANIFESTS: Final = blocks("yaml")
#: Values by their first part; a file such as payout.yaml is none.
_VALUE: Final = re.compile(r"(?:payout|networkPolicy|localton|image)\.[A-Za-z.\[\]]+")
_FIELD: Final = re.compile(r"(?:spec|status)\.[A-Za-z.\[\]]+")


@pytest.mark.parametrize("block", MANIFESTS, ids=lambda block: str(block.place))
def test_fields_of_a_block_exist(block: Block) -> None:
    for document in yaml.safe_load_all(block.text):
        assert list(_strangers(document)) == []


def _strangers(document: dict[str, Any]) -> Iterator[str]:
    """Fields that are in nothing of ours; nothing of a document that is somebody else's."""
    if "kind" in document:
        yield from strangers(kind(document["kind"]), document) if document["kind"] in FILES else ()
    elif document.keys() <= values()["properties"].keys():
        yield from strangers(values(), document)
        read_settings([str(each) for each in document.get("extraArgs", [])], {})
    else:
        specs = [kind(name)["properties"]["spec"] for name in FILES]
        fitting = [spec for spec in specs if document.keys() <= spec["properties"].keys()]
        yield from strangers(fitting[0], document) if fitting else ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_fields_that_are_named_exist(page: Path) -> None:
    codes = [code for code in inline_code(page) if not code.endswith((".yaml", ".json"))]
    settings = [code for code in codes if _VALUE.fullmatch(code) and not knows(values(), code)]
    fields = [code for code in codes if _FIELD.fullmatch(code) and not any(knows(kind(name), code) for name in FILES)]
    assert settings + fields == []


def test_a_wrong_field_is_noticed() -> None:
    assert list(_strangers({"payout": {"walet": {}}})) == ["payout.walet"]
    assert list(_strangers({"kind": "InferenceJob", "spec": {"modle": ""}})) == ["spec.modle"]
    assert list(_strangers({"confidential": {"policy": {"measurements": [{"mrtd": ""}]}}}))
    assert not knows(values(), "payout.clusters[].name")
    assert knows(values(), "payout.clusters[].id")
