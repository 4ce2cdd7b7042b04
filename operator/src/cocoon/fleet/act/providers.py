"""Providers: status, finalizer, and the policies and budgets around their servers."""

from __future__ import annotations

from typing import Final

import msgspec

from cocoon.api.groups import API_VERSION, FINALIZER, PROVIDER_KIND, PROVIDER_LABEL
from cocoon.api.resources import DISRUPTION_BUDGET, POD, PROVIDER, Manifest
from cocoon.fleet.act.means import Means
from cocoon.fleet.plan.actions import ApplyChildren, SetFinalizer, WriteProviderStatus
from cocoon.fleet.ports.cluster import Where
from cocoon.fleet.ports.failures import Gone
from cocoon.fleet.ports.resources import Ref, ref_of_key
from cocoon.fleet.render.disruption_budget import disruption_budgets
from cocoon.fleet.render.names import label_value, name_of
from cocoon.fleet.render.network_policy import network_policy

_FINALIZER_MANAGER: Final = "cocoon-fleet-finalizer"


async def write_provider_status(action: WriteProviderStatus, means: Means) -> None:
    """Write the status."""
    ref, status = ref_of_key(PROVIDER, action.provider), msgspec.to_builtins(action.status)
    body = await means.cluster.write_status(ref, action.uid, action.resource_version, status)
    means.mirror.take(PROVIDER, body)


async def set_finalizer(action: SetFinalizer, means: Means) -> None:
    """Add or remove our finalizer under a field manager of its own, which leaves those of others alone."""
    if action.present:
        means.mirror.take(PROVIDER, await _apply_finalizers(action, means, [FINALIZER], action.resource_version))
        return
    await _has_no_servers(action, means)
    # Only what a manager holds goes when it applies without it, and every status written since took it from ours.
    held = await _apply_finalizers(action, means, [FINALIZER], action.resource_version)
    await _apply_finalizers(action, means, [], held["metadata"]["resourceVersion"])
    await means.mirror.reread(means.cluster, PROVIDER, action.provider)


async def _apply_finalizers(action: SetFinalizer, means: Means, finalizers: list[str], version: str) -> Manifest:
    namespace, name = action.provider.split("/", 1)
    meta = {"name": name, "namespace": namespace, "uid": action.uid, "resourceVersion": version}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": PROVIDER_KIND,
        "metadata": meta | ({"finalizers": finalizers} if finalizers else {}),
    }
    return await means.cluster.apply(manifest, _FINALIZER_MANAGER)


async def _has_no_servers(action: SetFinalizer, means: Means) -> None:
    """Look at the live Pods. Raises Gone if one of the provider's is left: it is known from then on."""
    namespace, name = action.provider.split("/", 1)
    where = Where(namespace=namespace, labels=f"{PROVIDER_LABEL}={label_value(name)}")
    async for page in means.cluster.pages(POD, where):
        for pod in page.items:
            if any(owner.get("uid") == action.uid for owner in pod["metadata"].get("ownerReferences") or []):
                means.mirror.take(POD, pod)
                raise Gone(f"{action.provider} still has the server {pod['metadata']['name']}.")


async def apply_children(action: ApplyChildren, means: Means) -> None:
    """Apply the NetworkPolicy and the budgets, and delete budgets that are wanted no more."""
    provider = means.provider(action.provider)
    budgets = disruption_budgets(provider)
    for manifest in (network_policy(provider, means.terms), *budgets):
        await means.cluster.apply(manifest)
    wanted = {budget["metadata"]["name"] for budget in budgets}
    selector = f"{PROVIDER_LABEL}={label_value(name_of(provider))}"
    async for page in means.cluster.pages(DISRUPTION_BUDGET, Where(namespace=provider.namespace, labels=selector)):
        for budget in page.items:
            meta = budget["metadata"]
            if meta["name"] not in wanted:
                ref = Ref(DISRUPTION_BUDGET, provider.namespace, meta["name"])
                await means.cluster.delete(ref, meta["uid"])
