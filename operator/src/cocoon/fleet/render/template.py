"""The digest of exactly what needs a new server when it changes.

Not in it: price, wallet, attestation policy, namespaces, node selectors, numbers of servers, drain time-outs and
whatever the chart sets (the runner's image too): these restart nothing, and hold for servers started afterwards.
"""

from __future__ import annotations

import hashlib

import msgspec

from cocoon.api.provider import ModelSpec, ProviderSpec


def template(spec: ProviderSpec, model: ModelSpec) -> str:
    """16 hex digits that change when servers of this model must be replaced."""
    technologies = [
        (found.name, found.runtime_class_name, found.gpu_resource) for found in spec.confidential.technologies
    ]
    parts = (
        spec.triton,
        sorted(technologies, key=str),
        (spec.ca_bundle, spec.proxy),
        (model.name, model.source, model.sha256, model.gpus, model.max_concurrency, model.meter, model.isolation),
    )
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
