"""A page for each kind, from its CustomResourceDefinition: every field, its type, its limits and its rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.reference.tables import code, table

Schema = dict[str, Any]
_LIMITS = {
    "enum": "one of {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
    "pattern": "matches `{}`",
}


def page(definition: Path) -> str:
    """The reference page of one kind, as Markdown."""
    spec = yaml.safe_load(definition.read_text())["spec"]
    version, names = spec["versions"][0], spec["names"]
    schema = version["schema"]["openAPIV3Schema"]
    short = ", ".join(code(name) for name in names["shortNames"])
    parts = [
        f"# {names['kind']}",
        f"<!-- Written by `make reference` from crds/{definition.name}. -->",
        schema["description"].strip(),
        f"`apiVersion: {spec['group']}/{version['name']}`, `kind: {names['kind']}`; short for kubectl: {short}.",
        "## Columns",
        table(
            ("Column", "Shows"), ((c["name"], c.get("description", "")) for c in version["additionalPrinterColumns"])
        ),
    ]
    for part in ("spec", "status"):
        rows = [row for name, row in _fields(part, schema["properties"][part], needed=part == "spec")]
        parts += [f"## {part}", table(("Field", "Type", "Meaning"), rows)]
    parts += ["## Rules", table(("Where", "Message"), _rules("", schema))]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _fields(path: str, schema: Schema, *, needed: bool) -> Iterator[tuple[str, tuple[str, str, str]]]:
    if path not in ("spec", "status"):
        yield path, (code(path), _type(schema), _meaning(schema, needed=needed))
    inner = _inner(schema)
    suffix = "[]" if schema.get("type") == "array" else ""
    for name, child in inner.get("properties", {}).items():
        yield from _fields(f"{path}{suffix}.{name}", child, needed=name in inner.get("required", ()))


def _inner(schema: Schema) -> Schema:
    return schema.get("items", schema) if schema.get("type") == "array" else schema


def _type(schema: Schema) -> str:
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(values := schema.get("additionalProperties"), dict):
        return f"map of {_type(values)}"
    return str(schema.get("type", "any" if not schema.get("x-kubernetes-int-or-string") else "int or string"))


def _meaning(schema: Schema, *, needed: bool) -> str:
    said = [schema.get("description", "").strip()]
    limits = [_LIMITS[key].format(_values(schema[key])) for key in _LIMITS if key in schema]
    if needed:
        limits.insert(0, "needed")
    if "default" in schema:
        limits.append(f"default {code(_plain(schema['default']))}")
    return " ".join([*said, f"({'; '.join(limits)})" if limits else ""]).strip()


def _values(value: object) -> str:
    return ", ".join(code(str(one)) for one in value) if isinstance(value, list) else str(value)


def _plain(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()


def _rules(path: str, schema: Schema) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield (
            code(path.lstrip(".") or "the object"),
            rule["message"] if "message" in rule else rule["messageExpression"],
        )
    inner, suffix = _inner(schema), "[]" if schema.get("type") == "array" else ""
    if inner is not schema:
        yield from _rules(path + suffix, inner)
        return
    for name, child in schema.get("properties", {}).items():
        yield from _rules(f"{path}.{name}", child)
