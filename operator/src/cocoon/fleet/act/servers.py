"""Server Pods: created once by name, deleted only when the live Pod is still what was planned for."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cocoon.api.groups import GROUP
from cocoon.api.resources import POD, Json
from cocoon.fleet.act.means import Means
from cocoon.fleet.plan.actions import CreateServer, DeleteServer, SetServerCondition
from cocoon.fleet.ports.failures import Gone
from cocoon.fleet.ports.resources import ref_of_key
from cocoon.fleet.render.server_pod import server_pod

#: Each condition has a field manager of its own, so that setting one leaves the others alone.
_MANAGER: Final = "cocoon-fleet-condition"


async def create_server(action: CreateServer, means: Means) -> None:
    """Create the Pod; if one of that name is there, it is this one from before."""
    provider = means.provider(action.provider)
    if action.model not in provider.offers or provider.uid != action.provider_uid:
        raise Gone(f"{action.provider} no longer offers {action.model}.")
    manifest = server_pod(provider, action, means.terms)
    try:
        body = await means.cluster.create(manifest)
    except Gone:
        key = f"{provider.namespace}/{action.name}"
        if await means.mirror.reread(means.cluster, POD, key) is None:
            raise
        return
    means.mirror.take(POD, body)


async def delete_server(action: DeleteServer, means: Means) -> None:
    """Delete the Pod if it still is the one that was planned for and, read again, has nothing left to say."""
    body = await means.mirror.reread(means.cluster, POD, action.server)
    if body is None:
        return
    meta = body["metadata"]
    if meta.get("deletionTimestamp"):
        return
    view = means.mirror.snapshot.runners.get(action.uid)
    if view is not None and view.finished and not _ended(body):
        raise Gone(f"{action.server} still holds receipts.")
    await means.cluster.delete(ref_of_key(POD, action.server), action.uid, meta["resourceVersion"])
    await means.mirror.reread(means.cluster, POD, action.server)


def _ended(body: Json) -> bool:
    return (body.get("status") or {}).get("phase") in ("Failed", "Succeeded")


async def set_server_condition(action: SetServerCondition, means: Means) -> None:
    """Apply one condition; a patch would drop the kubelet's."""
    namespace, name = action.server.split("/", 1)
    condition = action.condition
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": action.uid},
        "status": {"conditions": [_pod_condition(msgspec.to_builtins(condition))]},
    }
    manager = f"{_MANAGER}-{condition.type.removeprefix(f'{GROUP}/').lower()}"
    means.mirror.take(POD, await means.cluster.apply_status(manifest, manager))


def _pod_condition(condition: dict[str, Any]) -> dict[str, Any]:
    """A Pod's condition in the fields that every Kubernetes has for it."""
    return {name: value for name, value in condition.items() if name != "observedGeneration"}
