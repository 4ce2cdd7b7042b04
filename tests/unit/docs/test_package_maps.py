"""The large packages begin with a map of their modules, by subject. No module is missing there, and none is made up."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.unit.docs.pages import ROOT

_SOURCE: Final = ROOT / "operator/src/cocoon"
_MAPPED: Final = ("attest", "cli", "fleet", "fleet/plan", "runner")


def _modules(package: Path) -> set[str]:
    files = {path.stem for path in package.glob("*.py")} - {"__init__"}
    return files | {path.parent.name for path in package.glob("*/__init__.py")}


def _named(docstring: str) -> list[str]:
    """The names on the map: each line has a subject or only white space, two spaces or more, and names."""
    _, _, below = docstring.partition("Where things are:\n\n")
    lines = [line for line in below.splitlines() if line.strip()]
    return [name for line in lines for name in re.split(r"\s{2,}", line)[-1].rstrip(",").split(", ")]


@pytest.mark.parametrize("package", _MAPPED)
def test_every_module_is_on_its_packages_map_once(package: str) -> None:
    place = _SOURCE / package
    named = _named(ast.get_docstring(ast.parse((place / "__init__.py").read_text())) or "")
    assert sorted(named) == sorted(_modules(place)), f"Mend the map in the docstring of {package}/__init__.py."
