"""Names inside manifests that both the builders and the observers must know."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from cocoon.api.groups import API_VERSION, GROUP, MANAGED_BY, MODEL_LABEL, PROVIDER_KIND, PROVIDER_LABEL
from cocoon.fleet.plan.records import Provider

#: How many items a server takes at once, as it was started.
CONCURRENCY_ANNOTATION: Final = f"{GROUP}/concurrency"
#: The extended resource that is one GPU on the server's node.
GPU_RESOURCE_ANNOTATION: Final = f"{GROUP}/gpu-resource"
#: The only namespace that a server of a PerNamespace model serves.
ISOLATED_ANNOTATION: Final = f"{GROUP}/isolated-for"
#: SHA-256 of what an output ConfigMap holds, and the attempt that made it.
OUTPUT_DIGEST_ANNOTATION: Final = f"{GROUP}/output-sha256"
ATTEMPT_ANNOTATION: Final = f"{GROUP}/attempt"

METRICS_PORT: Final = 9090


def label_value(text: str) -> str:
    """The text if it can be a label's value, else its beginning and a digest: label values have 63 characters."""
    if len(text) <= 63:
        return text
    return f"{text[:50].rstrip('-._')}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def labels(provider: Provider, model: str = "") -> dict[str, str]:
    """Labels of a provider's children."""
    common = {
        "app.kubernetes.io/name": "cocoon-server",
        "app.kubernetes.io/managed-by": MANAGED_BY,
        "app.kubernetes.io/part-of": "cocoon-fleet",
        PROVIDER_LABEL: label_value(name_of(provider)),
    }
    return common | ({MODEL_LABEL: model} if model else {})


def name_of(provider: Provider) -> str:
    """The provider's name without its namespace."""
    return provider.key.split("/", 1)[1]


def owned_by(provider: Provider) -> list[dict[str, Any]]:
    """The owner reference of a provider's children; kubectl drain evicts Pods that have such a controller."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": PROVIDER_KIND,
            "name": name_of(provider),
            "uid": provider.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
