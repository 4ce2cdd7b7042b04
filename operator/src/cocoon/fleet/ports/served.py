"""Whether the API server knows our objects as this release writes them.

It prunes fields that its CustomResourceDefinitions lack, and says nothing: receipts and bindings would vanish from a
status. So an operator that meets the definitions of another release does not start. They are read from the published
schema (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3), which takes no right of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

import aiohttp
import msgspec
from msgspec import inspect

from cocoon.api.groups import API_VERSION, JOB_KIND, JOBS, PROVIDER_KIND, PROVIDERS
from cocoon.api.job import JobSpec, JobStatus
from cocoon.api.provider import ProviderSpec, ProviderStatus
from cocoon.api.resources import Json
from cocoon.fleet.ports.failures import Busy, Refused, failure_of
from cocoon.fleet.ports.login import Login

LOG: Final = logging.getLogger(__name__)
_PATH: Final = f"/openapi/v3/apis/{API_VERSION}"
_DEADLINE: Final = aiohttp.ClientTimeout(total=15, connect=5)
_SHOWN: Final = 5
_APPLY: Final = "Apply those of this release (kubectl apply --server-side -f crds), or upgrade with crds.enabled: true."
_PARTS: Final = {
    PROVIDER_KIND: (PROVIDERS, ProviderSpec, ProviderStatus),
    JOB_KIND: (JOBS, JobSpec, JobStatus),
}


async def require_ours(login: Login) -> None:
    """Return if all fields are known. Raises Busy while the objects aren't served, Refused if fields are missing."""
    schemas = await _schemas(login)
    if schemas is None:
        return
    for kind, (plural, spec, status) in _PARTS.items():
        found = _of_kind(schemas, kind)
        if found is None:
            raise Busy(f"The API server serves no {plural} of {API_VERSION}: its definition is not installed. {_APPLY}")
        lacking = [*missing(inspect.type_info(spec), _part(found, "spec"), "spec")]
        lacking += missing(inspect.type_info(status), _part(found, "status"), "status")
        if lacking:
            raise Refused(_sentence(plural, lacking))


def missing(known: inspect.Type, schema: Json, path: str) -> Iterator[str]:
    """Paths of the fields of a type that a schema does not have, the outermost of each."""
    if isinstance(known, inspect.UnionType):
        for one in known.types:
            yield from missing(one, schema, path)
    elif isinstance(known, inspect.ListType | inspect.VarTupleType):
        yield from missing(known.item_type, schema.get("items", {}), f"{path}[]")
    elif isinstance(known, inspect.StructType):
        for field in known.fields:
            inner, name = schema.get("properties", {}).get(field.encode_name), f"{path}.{field.encode_name}"
            if inner is None:
                yield name
            else:
                yield from missing(field.type, inner, name)


async def _schemas(login: Login) -> dict[str, Json] | None:
    """All schemas of our group; None if we may not see them, which is no reason not to work."""
    headers = {"Authorization": found} if (found := await login.authorization()) else {}
    connector = aiohttp.TCPConnector(ssl=login.tls())
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_DEADLINE, headers=headers) as session,
            session.get(f"{login.url}{_PATH}") as answer,
        ):
            if answer.status == 403:
                LOG.warning("The API server's schema can't be read: its objects are taken for those of this release")
                return None
            if answer.status not in (200, 404):
                raise failure_of(answer.status, f"GET {_PATH}: {answer.status} {answer.reason}")
            body = await answer.read() if answer.status == 200 else b"{}"
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Busy(f"GET {_PATH}: {error or type(error).__name__}") from None
    found_schemas: dict[str, Json] = msgspec.json.decode(body).get("components", {}).get("schemas", {})
    return found_schemas


def _of_kind(schemas: dict[str, Json], kind: str) -> Json:
    found = (each for name, each in schemas.items() if name.endswith(f".{kind}"))
    return next(found, None)


def _part(schema: Json, name: str) -> Json:
    return schema.get("properties", {}).get(name, {})


def _sentence(plural: str, lacking: list[str]) -> str:
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return (
        f"The CustomResourceDefinition {plural}.{API_VERSION.partition('/')[0]} is of another release: it lacks "
        f"{', '.join(lacking[:_SHOWN])}{more}, and the API server would drop what is written there. {_APPLY}"
    )
