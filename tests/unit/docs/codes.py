"""Reasons and codes that the programs can give, read from their sources: nobody has to keep a second list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.unit.docs.pages import ROOT

SOURCE: Final = ROOT / "operator/src/cocoon"
_CODE: Final = re.compile(r"[A-Z][A-Za-z]+")


def constants(module: str) -> set[str]:
    """Values of a module's constants that read as codes, such as `BOUND: Final = "Bound"`."""
    found = set()
    for node in _tree(SOURCE / module).body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            found |= _codes([node.value])
    return found


def given_to(part: str, *callees: str) -> set[str]:
    """Codes that stand as an argument of calls of these names, in a folder or file."""
    found: set[str] = set()
    for node in _nodes(part):
        if isinstance(node, ast.Call) and _name(node.func) in callees:
            found |= _codes(node.args[:2])
    return found


def attributes(part: str, name: str) -> set[str]:
    """Codes that are assigned to a name, in classes too, or stand first in the values of a mapping of that name."""
    found: set[str] = set()
    for node in _nodes(part):
        if isinstance(node, ast.Assign) and any(_name(target) == name for target in node.targets):
            found |= _codes([node.value])
        elif isinstance(node, ast.AnnAssign) and _name(node.target) == name and node.value is not None:
            values = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
            for value in values:
                found |= _codes([value] if isinstance(value, ast.Constant) else list(ast.iter_child_nodes(value))[:1])
    return found


def returned(part: str) -> set[str]:
    """Codes that stand first in a returned pair."""
    pairs = [node.value for node in _nodes(part) if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)]
    return _codes([pair.elts[0] for pair in pairs if len(pair.elts) == 2])


def _codes(values: Sequence[ast.AST]) -> set[str]:
    texts = {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
    return {text for text in texts if _CODE.fullmatch(text)}


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _nodes(part: str) -> Iterator[ast.AST]:
    path = SOURCE / part
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        yield from ast.walk(_tree(file))


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())
