"""What tells the Structs of an object and its CustomResourceDefinition apart.

The definition is what administrators read and the API server enforces, the Structs are what our code reads; both are
written by hand, so one of them forgets something sooner or later. In a specification everything must agree. A status is
written by us and must never be refused, so there the definition has no enums and no defaults and requires no more than
the Structs always write.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

Schema = Mapping[str, Any]
_SCALARS = {str: "string", int: "integer", bool: "boolean"}


def differences(struct: type[Struct], schema: Schema, path: str) -> Iterator[str]:
    """One line for each disagreement about this object and all that is in it."""
    if schema.get("type") != "object":
        yield f"{path}: the definition says {schema.get('type')}, the Structs say object"
        return
    ours = {each.encode_name: each for each in fields(struct)}
    theirs = schema.get("properties", {})
    yield from (f"{path}.{name} is in the definition only" for name in theirs.keys() - ours.keys())
    yield from (f"{path}.{name} is in {struct.__name__} only" for name in ours.keys() - theirs.keys())
    hints = get_type_hints(struct)
    for name in ours.keys() & theirs.keys():
        required = name in schema.get("required", ())
        yield from _presence(ours[name], theirs[name], required, f"{path}.{name}")
        yield from _kind(hints[ours[name].name], theirs[name], f"{path}.{name}")


def _presence(field: FieldInfo, schema: Schema, required: bool, path: str) -> Iterator[str]:
    if path.startswith("status"):
        if "default" in schema:
            yield f"{path}: a status has no defaults"
        if required and not field.required:
            yield f"{path} is required in the definition, and the Structs may leave it out"
        return
    if required != field.required:
        yield f"{path}: required is {required} in the definition and {field.required} in the Structs"
    ours, theirs = _our_default(field), defaulted(schema, schema.get("default"))
    if ours != theirs:
        yield f"{path}: the default is {theirs!r} in the definition and {ours!r} in the Structs"


def _our_default(field: FieldInfo) -> object:
    """As JSON, with everything spelled out; None and the empty string are how a Struct says that nothing is set."""
    value = field.default_factory() if field.default_factory is not NODEFAULT else field.default
    return None if value is NODEFAULT or value == "" else spelled_out(value)


def spelled_out(value: object) -> object:
    """The JSON of a Struct with all of its defaults and without what is not set."""
    if isinstance(value, Struct):
        pairs = ((each.encode_name, getattr(value, each.name)) for each in fields(value))
        return {name: spelled_out(part) for name, part in pairs if part is not None and part != ""}
    if isinstance(value, Mapping):
        return {name: spelled_out(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [spelled_out(part) for part in value]
    return value.value if isinstance(value, enum.Enum) else value


def defaulted(schema: Schema, value: object) -> object:
    """The value as the API server stores it: with the defaults of everything below it."""
    if isinstance(value, Mapping):
        parts = schema.get("properties", {})
        missing = {name: part["default"] for name, part in parts.items() if "default" in part and name not in value}
        return {name: defaulted(parts.get(name, {}), part) for name, part in {**value, **missing}.items()}
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), part) for part in value]
    return value


def _kind(hint: Any, schema: Schema, path: str) -> Iterator[str]:
    hint, *more = [part for part in _members(hint) if part is not type(None)]
    origin = get_origin(hint)
    if {hint, *more} == {str, int}:
        yield from _expect(path, "x-kubernetes-int-or-string", wanted=True, schema=schema)
    elif isinstance(hint, type) and issubclass(hint, Struct):
        yield from differences(hint, schema, path)
    elif origin is tuple:
        yield from _expect(path, "type", "array", schema)
        yield from _kind(get_args(hint)[0], schema.get("items", {}), f"{path}[]")
    elif origin is not None and issubclass(_class(origin), Mapping):
        yield from _mapping(hint, schema, path)
    else:
        yield from _scalar(hint, schema, path)


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _class(origin: Any) -> type:
    return origin if isinstance(origin, type) else object


def _mapping(hint: Any, schema: Schema, path: str) -> Iterator[str]:
    key, value = get_args(hint)
    yield from _expect(path, "type", "object", schema)
    names = set(get_args(key)) if get_origin(key) is Literal else None
    if names is None:
        yield from _kind(value, schema.get("additionalProperties", {}), f"{path}[]")
        return
    if names != set(schema.get("properties", {})):
        yield f"{path}: the definition's properties are not {sorted(names)}"
    for name, part in schema.get("properties", {}).items():
        yield from _kind(value, part, f"{path}.{name}")


def _scalar(hint: Any, schema: Schema, path: str) -> Iterator[str]:
    allowed = _allowed(hint)
    yield from _expect(path, "type", "string" if allowed else _SCALARS.get(hint), schema)
    if path.startswith("status") and not path.endswith("conditions[].status"):
        yield from _expect(path, "enum", None, schema)
    elif set(schema.get("enum", ())) != allowed:
        yield f"{path}: the definition allows {schema.get('enum')}, the Structs allow {sorted(allowed)}"


def _allowed(hint: Any) -> set[str]:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {member.value for member in hint}
    return set(get_args(hint)) if get_origin(hint) is Literal else set()


def _expect(path: str, word: str, wanted: object, schema: Schema) -> Iterator[str]:
    if schema.get(word) != wanted:
        yield f"{path}: {word} is {schema.get(word)!r} in the definition, and {wanted!r} fits the Structs"
