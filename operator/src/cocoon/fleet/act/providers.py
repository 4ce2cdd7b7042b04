"""Providers: status, finalizer, and the policies and budgets around their servers."""

from __future__ import annotations

from typing import Final

import msgspec

from cocoon.api.groups import API_VERSION, FINALIZER, PROVIDER_KIND
from cocoon.fleet.act.means import Means
from cocoon.fleet.plan.actions import ApplyChildren, SetFinalizer, WriteProviderStatus
from cocoon.fleet.ports.resources import PROVIDER, ref_of_key
from cocoon.fleet.render.disruption_budget import disruption_budgets
from cocoon.fleet.render.network_policy import network_policy

_FINALIZER_MANAGER: Final = "cocoon-fleet-finalizer"


async def write_provider_status(action: WriteProviderStatus, means: Means) -> None:
    """Write the status."""
    ref, status = ref_of_key(PROVIDER, action.provider), msgspec.to_builtins(action.status)
    body = await means.cluster.write_status(ref, action.uid, action.resource_version, status)
    means.mirror.take(PROVIDER, body)


async def set_finalizer(action: SetFinalizer, means: Means) -> None:
    """Add or remove our finalizer under a field manager of its own, which leaves those of others alone."""
    namespace, name = action.provider.split("/", 1)
    meta = {"name": name, "namespace": namespace, "uid": action.uid, "resourceVersion": action.resource_version}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": PROVIDER_KIND,
        "metadata": meta | ({"finalizers": [FINALIZER]} if action.present else {}),
    }
    body = await means.cluster.apply(manifest, _FINALIZER_MANAGER)
    if action.present:
        means.mirror.take(PROVIDER, body)
    else:
        await means.mirror.reread(means.cluster, PROVIDER, action.provider)


async def apply_children(action: ApplyChildren, means: Means) -> None:
    """Apply the NetworkPolicy and the budgets."""
    provider = means.provider(action.provider)
    for manifest in (network_policy(provider, means.terms), *disruption_budgets(provider)):
        await means.cluster.apply(manifest)
