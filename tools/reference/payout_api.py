"""The page of the payout service's HTTP API, from the application's own OpenAPI description and its routes' rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from cocoon.payout.http import admin_routes, edge, owner_routes, read_routes, standing_routes, work_routes
from cocoon.payout.http.app import application
from tools.reference.tables import code, table

Schema = dict[str, Any]
_PARTS: Final = {
    "Handing in work": work_routes,
    "How owners are paid": owner_routes,
    "Reading the books": read_routes,
    "Administering": admin_routes,
    "Probes": standing_routes,
}
_RIGHTS: Final = {edge.reporter: "report", edge.reader: "read", edge.administrator: "administer"}
_ABOUT: Final = """The operator hands in receipts here, `kubectl cocoon earnings`, `payouts` and `verify` read them, and
administrators credit clients and stop payments. HTTPS on port 443 of the Service `cocoon-fleet-payout`, JSON in and
out. Programs get the same description at `/openapi.json`.

**Who may call.** Whoever shows a service-account token with audience `cocoon-payout` as `Authorization: Bearer`, such
as `kubectl create token cocoon-fleet -n cocoon-system --audience cocoon-payout` makes. What a service account may do
stands in `payout.clusters` of [the chart's values](../../charts/cocoon-fleet/README.md). A caller reports for its own
cluster only.

**Amounts** are strings of nanoTON: 10⁹ of them are 1 TON. Times are seconds since 1970.

**Refusals** are `application/problem+json`, a [PayoutProblem](#payoutproblem) with one of the
[codes](problem-codes.md#payout-service). Where its `retry` is true, the same call can be made again."""
_LIMITS: Final = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
}
_NANOTON: Final = "nanoTON"


def page() -> str:
    """The reference page, as Markdown."""
    described = application().openapi()
    parts = [
        "# The payout service's API",
        "<!-- Written by `make reference` from the application's OpenAPI description. -->",
        _ABOUT,
    ]
    for title, module in _PARTS.items():
        parts += [f"## {title}"]
        for route in module.ROUTES.routes:
            if isinstance(route, APIRoute):
                parts += list(_call(described, route))
    parts += [
        "## Messages",
        "Unknown fields are refused in what is handed in, and may come in answers of newer releases.",
    ]
    for name, schema in sorted(described["components"]["schemas"].items()):
        parts += list(_message(name, schema))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _call(described: Schema, route: APIRoute) -> Iterator[str]:
    [method] = route.methods or {"GET"}
    told = described["paths"][route.path][method.lower()]
    yield f"### {method} {route.path}"
    rights = {_RIGHTS[call] for call in _dependencies(route.dependant) if call in _RIGHTS}
    needed = f"Needs the right {', '.join(code(right) for right in sorted(rights))}." if rights else ""
    yield f"{told['description']} {needed or ('Any known caller.' if told.get('security') else 'Needs no token.')}"
    rows = [
        (code(each["name"]), _type(each["schema"]), _meaning(each["schema"], needed=each.get("required", False)))
        for each in told.get("parameters", [])
        if each["in"] == "query"
    ]
    if rows:
        yield table(("Query", "Type", "Meaning"), rows)
    body = told.get("requestBody")
    asked = f"Body: {_shape(body)}. " if body else ""
    answers = [
        f"{status} {_shape(answer)}" for status, answer in sorted(told["responses"].items()) if status.startswith("2")
    ]
    also = ["409 " + _shape(told["responses"]["409"])] if "409" in told["responses"] else []
    yield f"{asked}Answers: {', '.join(answers + also)}."


def _dependencies(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _dependencies(each)


def _shape(body: Schema) -> str:
    media = next((media for media in body["content"] if media != "application/json"), "")
    return code(media) if media else _type(body["content"]["application/json"]["schema"])


def _message(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name}"
    if schema.get("description"):
        yield " ".join(schema["description"].split())
    needed = schema.get("required", [])
    rows = [
        (code(field), _type(inner), _meaning(inner, needed=field in needed))
        for field, inner in schema.get("properties", {}).items()
    ]
    if rows:
        yield table(("Field", "Type", "Meaning"), rows)


def _type(schema: Schema) -> str:
    """What a person calls it; messages are links."""
    match schema:
        case {"$ref": str(path)}:
            name = path.rpartition("/")[2]
            said = f"[{name}](#{name.lower()})"
        case {"anyOf": list(several)}:
            said = " or ".join(_type(each) for each in several)
        case {"enum": list(words)}:
            said = " or ".join(code(str(word)) for word in words)
        case {"type": "array"}:
            said = f"list of {_type(schema.get('items', {}))}"
        case {"type": "object", "additionalProperties": dict(values)}:
            said = f"map of {_type(values)}"
        case {"description": "nanoTON"}:
            said = _NANOTON
        case _:
            said = "base64" if schema.get("contentEncoding") == "base64" else str(schema.get("type", "any"))
    return said


def _meaning(schema: Schema, *, needed: bool) -> str:
    text = str(schema.get("description", ""))
    default = schema.get("default")
    said = [
        text if text != _NANOTON else "",
        "" if needed else "optional",
        f"default {code(json.dumps(default))}" if default not in (None, "", []) else "",
        *_limits(schema),
    ]
    return "; ".join(filter(None, said))


def _limits(schema: Schema) -> list[str]:
    inner = next((each for each in schema.get("anyOf", []) if each.get("type") != "null"), schema)
    return [text.format(f"{inner[key]:.0f}") for key, text in _LIMITS.items() if key in inner]
