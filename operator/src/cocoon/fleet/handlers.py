"""kopf, as far as we use it: it logs in, watches, and notes each fact in the mirror. No handler decides anything."""

from __future__ import annotations

import kopf

from cocoon.api.resources import JOB, NAMESPACE, NODE, POD, PROVIDER, Json, Resource
from cocoon.fleet.kopf_storage import NoDiffs, NoProgress
from cocoon.fleet.mirror import OURS, Mirror
from cocoon.fleet.ports.login import Login


def handlers(mirror: Mirror, login: Login) -> kopf.OperatorRegistry:
    """kopf's handlers for this mirror."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def log_in(**_: Json) -> kopf.ConnectionInfo:
        return await login.for_kopf()

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Json) -> None:
        _set_up(settings)

    for resource in (PROVIDER, JOB, POD, NODE, NAMESPACE):
        _watch(registry, mirror, resource)
    return registry


def _watch(registry: kopf.OperatorRegistry, mirror: Mirror, resource: Resource) -> None:
    @kopf.on.event(resource.api_version, resource.plural, registry=registry)
    async def note(event: Json, **_: Json) -> None:
        mirror.note(resource, event["type"], event["object"])


def _set_up(settings: kopf.OperatorSettings) -> None:
    """Switch off what writes or scans, and let workers of quiet objects go early."""
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = NoDiffs()
    settings.persistence.progress_storage = NoProgress()
    settings.watching.chunk_size = 500
    settings.watching.initial_streaming = True
    settings.watching.connect_timeout = 5
    settings.watching.label_selectors["v1", "pods"] = OURS
    settings.queueing.idle_timeout = 0.5
    settings.queueing.exit_timeout = 0.5
    settings.networking.error_backoffs = (0.2, 0.5, 1, 2, 3, 5)
    settings.process.ultimate_exiting_timeout = None  # it would kill the process some time after watches ended
