"""The real Kubernetes API: kubernetes.aio's login, and plain HTTP for the few calls that the operator makes.

The generated client builds a model object for every field of every answer; for the two status writes of a job that
costs more than all else together. Here a write is one line of JSON, and an answer is parsed once, by msgspec.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from cocoon.api.groups import FIELD_MANAGER
from cocoon.api.resources import Json, Manifest, Resource
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.ports.cluster import Page, Where
from cocoon.fleet.ports.failures import Busy, Failure, Gone, failure_of
from cocoon.fleet.ports.login import Login
from cocoon.fleet.ports.resources import Ref, ref_of

PAGE: Final = 500
DEADLINE: Final = aiohttp.ClientTimeout(total=15, connect=5)
LIST_DEADLINE: Final = aiohttp.ClientTimeout(total=60, connect=5)
_JSON: Final = "application/json"
_RIGHTS: Final = (
    "The chart's Role and ClusterRole give the operator its rights: helm upgrade brings back what was taken."
)
_APPLY: Final = "application/apply-patch+yaml"


class KubernetesCluster:
    """An adapter of `Cluster`; use it as an async context manager."""

    def __init__(self, login: Login, metrics: Metrics, connections: int = 64) -> None:
        self._login = login
        self._metrics = metrics
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connections' pool."""
        connector = aiohttp.TCPConnector(ssl=self._login.tls(), limit=self._connections)
        self._session = aiohttp.ClientSession(connector=connector, timeout=DEADLINE)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    async def pages(self, resource: Resource, where: Where = Where()) -> AsyncIterator[Page]:  # noqa: B008 - frozen
        """All objects of a resource, 500 at a time; a continue token that expired raises Gone: begin again."""
        query = {"limit": str(PAGE), "labelSelector": where.labels, "fieldSelector": where.fields}
        if where.cached:
            query["resourceVersion"] = "0"
        while True:
            path = f"{resource.path(where.namespace)}?{urlencode({k: v for k, v in query.items() if v})}"
            found = await self._call("list", "GET", path, timeout=LIST_DEADLINE)
            meta = found["metadata"]
            yield Page(found["items"] or [], meta["resourceVersion"])
            if not meta.get("continue"):
                return
            query["continue"] = meta["continue"]
            query.pop("resourceVersion", None)

    async def read(self, ref: Ref) -> Manifest:
        """The object as it is now."""
        found: Manifest = await self._call("get", "GET", ref.path)
        return found

    async def create(self, manifest: Manifest) -> Manifest:
        """Create it; Gone if one of that name exists."""
        ref = ref_of(manifest)
        found: Manifest = await self._call("create", "POST", ref.resource.path(ref.namespace), manifest)
        return found

    async def apply(self, manifest: Manifest, manager: str = "") -> Manifest:
        """Server-side apply; conflicts with others' fields are ours to win."""
        path = _applied(ref_of(manifest).path, manager or FIELD_MANAGER)
        found: Manifest = await self._call("apply", "PATCH", path, manifest, _APPLY)
        return found

    async def apply_status(self, manifest: Manifest, manager: str) -> Manifest:
        """Server-side apply on /status."""
        path = _applied(f"{ref_of(manifest).path}/status", manager)
        found: Manifest = await self._call("apply_status", "PATCH", path, manifest, _APPLY)
        return found

    async def replace(self, manifest: Manifest) -> Manifest:
        """PUT the whole object."""
        found: Manifest = await self._call("update", "PUT", ref_of(manifest).path, manifest)
        return found

    async def write_status(self, ref: Ref, uid: str, resource_version: str, status: Json) -> Manifest:
        """PUT name, version and status alone: the fastest write that there is, and a safe one."""
        body = {
            "apiVersion": ref.resource.api_version,
            "kind": ref.resource.kind,
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "uid": uid,
                "resourceVersion": resource_version,
            },
            "status": status,
        }
        found: Manifest = await self._call("update_status", "PUT", f"{ref.path}/status", body)
        return found

    async def delete(self, ref: Ref, uid: str, resource_version: str = "") -> None:
        """Delete it if it still is that one."""
        conditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        await self._call("delete", "DELETE", ref.path, body | {"propagationPolicy": "Background"})

    async def _call(  # noqa: PLR0913, PLR0917 - verb, method, path, body, its type and the deadline are what an HTTP call is
        self,
        verb: str,
        method: str,
        path: str,
        body: Json = None,
        content: str = _JSON,
        timeout: aiohttp.ClientTimeout = DEADLINE,  # noqa: ASYNC109 - aiohttp's own deadline, not a cancel scope
    ) -> Json:
        if self._session is None:
            raise Busy("The connection to the API server is not open yet.")
        headers = await self._headers(content)
        sent = None if body is None else msgspec.json.encode(body)
        try:
            url = self._login.url + path
            async with self._session.request(method, url, data=sent, headers=headers, timeout=timeout) as answer:
                raw = await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._metrics.api_calls.labels(verb, "none").inc()
            raise Busy(f"The API server does not answer: {type(error).__name__} {error}") from error
        self._metrics.api_calls.labels(verb, str(answer.status)).inc()
        if answer.status >= 300:
            raise _failure(answer.status, raw, answer.headers)
        return _parsed(raw)

    async def _headers(self, content: str) -> dict[str, str]:
        authorization = await self._login.authorization()
        headers = {"Content-Type": content, "Accept": _JSON}
        return headers | ({"Authorization": authorization} if authorization else {})


def _applied(path: str, manager: str) -> str:
    return f"{path}?{urlencode({'fieldManager': manager, 'force': 'true'})}"


def _parsed(raw: bytes) -> Json:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Busy("The API server's answer was cut off.") from error


def _failure(status: int, raw: bytes, headers: Mapping[str, str]) -> Failure:
    try:
        message = str(msgspec.json.decode(raw)["message"])
    except (msgspec.DecodeError, UnicodeError, KeyError, TypeError):
        message = raw[:200].decode(errors="replace")
    if status == 422 and "metadata.uid" in message:
        return Gone(f"another object has this name now: {message[:300]}")  # how an apply to another uid is answered
    if status == 403 and 'User "' in message:
        message = f"{message[:800]}. {_RIGHTS}"
    after = headers.get("Retry-After", "0")
    return failure_of(status, f"{status}: {message[:1000]}", float(after) if after.isdigit() else 0.0)
