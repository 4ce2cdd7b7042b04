"""Server Pod to Server. A Pod of ours says by labels and annotations what it is; what it does is in its status."""

from __future__ import annotations

from typing import Final

from cocoon.api.conditions import Condition
from cocoon.api.groups import (
    ATTESTED_CONDITION,
    MODEL_LABEL,
    PROVIDER_KIND,
    RETIRING_CONDITION,
    TEMPLATE_ANNOTATION,
)
from cocoon.api.metadata import ObjectMeta
from cocoon.api.resources import Json
from cocoon.fleet.observe.node import requested
from cocoon.fleet.observe.reading import Unreadable, metadata, moment, quantity, tolerant
from cocoon.fleet.plan.records import Server, Uid, key_of
from cocoon.fleet.render.names import CONCURRENCY_ANNOTATION, GPU_RESOURCE_ANNOTATION, ISOLATED_ANNOTATION

#: Why a container waits for something that will not come by itself.
_STUCK: Final = frozenset(
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


@tolerant
def server(body: Json) -> Server:
    """The record of a server Pod. Raises Unreadable if it is none of ours."""
    meta = metadata(body)
    owner = next((owner for owner in meta.owner_references if owner.controller), None)
    if owner is None or owner.kind != PROVIDER_KIND:
        raise Unreadable("the Pod's controller is no CocoonProvider")
    return _record(meta, key_of(meta.namespace, owner.name), body)


def _record(meta: ObjectMeta, provider: Json, body: Json) -> Server:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    resource = meta.annotations.get(GPU_RESOURCE_ANNOTATION, "")
    conditions = {found.get("type"): found for found in status.get("conditions") or []}
    return Server(
        key=key_of(meta.namespace, meta.name),
        uid=Uid(meta.uid),
        resource_version=meta.resource_version,
        provider=provider,
        model=meta.labels.get(MODEL_LABEL, ""),
        node=_node(spec),
        template=meta.annotations.get(TEMPLATE_ANNOTATION, ""),
        gpus=requested(body).get(resource, 0),
        gpu_resource=resource,
        concurrency=quantity(meta.annotations.get(CONCURRENCY_ANNOTATION, "0")),
        created=moment(meta.creation_timestamp) or 0.0,
        deleting=meta.deletion_timestamp is not None,
        running=_running(status),
        address=str(status.get("podIP") or ""),
        isolated_for=meta.annotations.get(ISOLATED_ANNOTATION, ""),
        ended=_ended(status),
        unschedulable=_unschedulable(conditions.get("PodScheduled")),
        waiting=_waiting(status),
        attested=_condition(conditions.get(ATTESTED_CONDITION)),
        retiring=_condition(conditions.get(RETIRING_CONDITION)),
        ready=conditions.get("Ready", {}).get("status") == "True",
    )


def _node(spec: Json) -> str:
    """The node it is on, or the one it is pinned to."""
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or []:
        for rule in term.get("matchFields") or []:
            if rule.get("key") == "metadata.name" and rule.get("values"):
                return str(rule["values"][0])
    return ""


def _running(status: Json) -> bool:
    """Whether the runner's container runs; the Pod's phase says Running also while containers wait."""
    runner = next((found for found in status.get("containerStatuses") or [] if found.get("name") == "runner"), None)
    return status.get("phase") == "Running" and bool(runner and "running" in (runner.get("state") or {}))


def _ended(status: Json) -> str:
    if status.get("phase") not in ("Failed", "Succeeded"):
        return ""
    return ": ".join(part for part in (str(status.get("reason") or "Ended"), str(status.get("message") or "")) if part)


def _unschedulable(condition: Json) -> str:
    if not condition or condition.get("status") != "False" or condition.get("reason") != "Unschedulable":
        return ""
    return str(condition.get("message") or "Unschedulable")


def _waiting(status: Json) -> str:
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in found:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _STUCK:
            return f"{container.get('name')}: {waiting['reason']}: {str(waiting.get('message') or '')[:300]}"
    return ""


def _condition(found: Json) -> Condition | None:
    if not found:
        return None
    return Condition(
        type=str(found.get("type")),
        status=found.get("status") if found.get("status") in ("True", "False") else "Unknown",
        reason=str(found.get("reason") or ""),
        message=str(found.get("message") or ""),
        last_transition_time=str(found.get("lastTransitionTime") or ""),
    )
