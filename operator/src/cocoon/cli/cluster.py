"""The Kubernetes API as the commands use it: a few calls, JSON in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlencode

import aiohttp

from cocoon.api.resources import SERVICE_ACCOUNT, Manifest, Resource
from cocoon.cli.connection import JSON, MERGE_PATCH, Connection, Request
from cocoon.cli.login import log_in
from cocoon.cli.options import Reach

_PAGE: Final = 500
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
_MANAGER: Final = "fieldManager=kubectl-cocoon"


class Cluster:
    """One API server, as one user. `namespace` is the one that is meant when none is named."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.namespace = namespace
        self._connection = connection

    async def get(self, kind: Resource, namespace: str, name: str) -> Manifest:
        """One object. Raises Missing."""
        return await self._connection.call(Request("GET", kind, kind.path(namespace, name), name=f"{namespace}/{name}"))

    async def items(self, kind: Resource, namespace: str | None = None, **selectors: str) -> list[Manifest]:
        """All objects of a namespace, or of the cluster; `labelSelector` and `fieldSelector` choose."""
        return [item async for page in self._pages(kind, namespace, selectors) for item in page["items"]]

    async def rows(self, kind: Resource, namespace: str | None = None) -> list[dict[str, str]]:
        """What `kubectl get` prints, with `Namespace`, `Name`, `Uid` and `Created`: spares big specs."""
        found = []
        async for page in self._pages(kind, namespace, {"includeObject": "Metadata"}, _TABLE):
            names = [column["name"] for column in page["columnDefinitions"]]
            for row in page["rows"]:
                meta = row["object"]["metadata"]
                told = {
                    "Namespace": meta.get("namespace", ""),
                    "Created": meta["creationTimestamp"],
                    "Uid": meta["uid"],
                }
                cells = zip(names, ("" if cell is None else str(cell) for cell in row["cells"]), strict=True)
                found.append(dict(cells) | told | {"Name": meta["name"]})
        return found

    async def create(self, kind: Resource, namespace: str, body: Manifest) -> Manifest:
        """Create an object. Raises Failure with what the API server says is wrong with it."""
        name = f"{namespace}/{body['metadata'].get('name') or body['metadata'].get('generateName', '')}"
        path = f"{kind.path(namespace)}?fieldValidation=Strict&{_MANAGER}"
        return await self._connection.call(Request("POST", kind, path, body, name))

    async def merge(self, kind: Resource, namespace: str, name: str, patch: Manifest) -> Manifest:
        """Change fields of an object."""
        path = f"{kind.path(namespace, name)}?{_MANAGER}"
        return await self._connection.call(
            Request("PATCH", kind, path, patch, f"{namespace}/{name}", content=MERGE_PATCH)
        )

    async def token(self, namespace: str, account: str, audience: str) -> str:
        """A token of a service account for ten minutes, as `kubectl create token` gets it."""
        body = {"spec": {"audiences": [audience], "expirationSeconds": 600}}
        path = f"{SERVICE_ACCOUNT.path(namespace, account)}/token"
        answer = await self._connection.call(Request("POST", SERVICE_ACCOUNT, path, body, f"{namespace}/{account}"))
        return str(answer["status"]["token"])

    async def changes(self, kind: Resource, namespace: str, name: str) -> AsyncIterator[Manifest]:
        """An object as it is now, and whenever it changes. Raises Missing if it is gone."""
        while True:
            found = await self.get(kind, namespace, name)
            yield found
            query = {"watch": "1", "timeoutSeconds": "240", "fieldSelector": f"metadata.name={name}"}
            query["resourceVersion"] = found["metadata"]["resourceVersion"]
            path = f"{kind.path(namespace)}?{urlencode(query)}"
            async for event in self._connection.watch(Request("GET", kind, path, name=f"{namespace}/{name}")):
                if event["type"] != "MODIFIED":
                    break
                yield event["object"]

    async def _pages(
        self, kind: Resource, namespace: str | None, query: Mapping[str, str], accept: str = JSON
    ) -> AsyncIterator[Manifest]:
        asked = {"limit": str(_PAGE), **query}
        while True:
            path = f"{kind.path(namespace)}?{urlencode(asked)}"
            page = await self._connection.call(Request("GET", kind, path, accept=accept))
            yield page
            if not page["metadata"].get("continue"):
                return
            asked["continue"] = page["metadata"]["continue"]


@asynccontextmanager
async def connected(reach: Reach) -> AsyncIterator[Cluster]:
    """The cluster that the options name. Raises Failure."""
    login = await log_in(reach)
    connector = aiohttp.TCPConnector(ssl=login.tls)
    async with aiohttp.ClientSession(connector=connector, trust_env=True) as session:
        yield Cluster(Connection(login, session), login.namespace)
