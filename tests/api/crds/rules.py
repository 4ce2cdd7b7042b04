"""The tables of good and bad manifests beside this file, as values."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

Manifest = dict[str, Any]
Patch = Mapping[str, Any]

HERE = Path(__file__).parent
CRDS = Path(__file__).parents[3] / "crds"
PLURALS = ("cocoonproviders", "inferencejobs")


class _Loader(yaml.SafeLoader):
    """YAML with `!times [text, n]`."""


def _times(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.SequenceNode)
    text, count = loader.construct_sequence(node)
    return str(text) * int(count)


_Loader.add_constructor("!times", _times)


class Case(Struct, frozen=True):
    """One manifest and what the API server must say of it: an error at `field` with the text `says`, or nothing.

    With `before` the manifest replaces that one. `also` allows errors besides the one that is looked for.
    """

    name: str
    plural: str
    field: str
    says: str
    manifest: Manifest
    before: Manifest | None
    good: bool
    also: bool


@cache
def crd(plural: str) -> Manifest:
    """The CustomResourceDefinition of that name."""
    loaded: Manifest = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    return loaded


@cache
def table(plural: str) -> Manifest:
    """The base manifest and the rows."""
    loaded: Manifest = yaml.load((HERE / f"{plural}.yaml").read_text(), _Loader)
    return loaded


def base(plural: str, name: str) -> Manifest:
    """The table's smallest good manifest, under that name."""
    manifest: Manifest = copy.deepcopy(table(plural)["base"])
    manifest["metadata"]["name"] = name
    return manifest


def patched(manifest: Manifest, patch: Patch) -> Manifest:
    """The manifest with each path below spec set to its value, or removed where the value is null."""
    changed = copy.deepcopy(manifest)
    for path, value in patch.items():
        *parents, last = path.split(".")
        place = changed["spec"]
        for step in parents:
            place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
        if value is None:
            del place[last]
        else:
            place[last] = copy.deepcopy(value)
    return changed


def cases() -> Iterator[Case]:
    """All cases of all tables."""
    for plural in PLURALS:
        for number, row in enumerate(table(plural)["rules"]):
            yield from _row(plural, number, row)


def _row(plural: str, number: int, row: Manifest) -> Iterator[Case]:
    for word in ("good", "bad"):
        patches = row[word] if isinstance(row[word], list) else [row[word]]
        for index, patch in enumerate(patches):
            label = f"{plural[:4]}-{number}-{row['field']}-{word}{index}"
            start = base(plural, f"{word}-{number}-{index}")
            before = patched(start, row["from"]) if "from" in row else None
            manifest = patched(start, patch)
            yield Case(
                label, plural, row["field"], row["says"], manifest, before, word == "good", row.get("also", False)
            )
