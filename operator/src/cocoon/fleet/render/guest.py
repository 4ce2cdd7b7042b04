"""What a runner is given of its TEE: the guest's own configfs, where reports come from, and root to write there.

Kata never hands the node's /sys to a guest: a mount whose source lies below it is the *guest's* folder of that name
(virtcontainers, `isSystemMount`). So this hostPath is one in name only. Requests below configfs belong to root, so the
runner is root in its container, without any capability. Nothing of it is rendered without a RuntimeClass: under runc
the same lines would hand out the node's own configfs (docs/adr/0014).
"""

from __future__ import annotations

from typing import Any, Final

from cocoon.api.provider import TechnologySpec
from cocoon.api.trust import Trust
from cocoon.fleet.plan.records import Provider

CONFIGFS: Final = "/sys/kernel/config"
_VOLUME: Final = "configfs"


def is_confidential(provider: Provider, technology: TechnologySpec) -> bool:
    """Whether servers of this technology run in a guest that makes hardware evidence."""
    by_hardware = provider.trust is Trust.HARDWARE and technology.name != "Development"
    return by_hardware and bool(technology.runtime_class_name)


def volumes() -> list[dict[str, Any]]:
    """Of the Pod."""
    return [{"name": _VOLUME, "hostPath": {"path": CONFIGFS, "type": "Directory"}}]


def mounts() -> list[dict[str, Any]]:
    """Of the runner, and of no other container: whoever can write there gets reports over keys of its own."""
    return [{"name": _VOLUME, "mountPath": CONFIGFS}]


def root() -> dict[str, Any]:
    """What the runner's securityContext has besides what all containers have: uid 0, and still no capability."""
    return {"runAsNonRoot": False, "runAsUser": 0}
