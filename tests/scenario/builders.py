"""Objects as users write them, with as little to say as possible."""

from __future__ import annotations

from typing import Any

from cocoon.api.groups import API_VERSION, JOB_KIND, PROVIDER_KIND
from cocoon.api.resources import Manifest

GPU = "nvidia.com/pgpu"
WALLET = "0:" + "0" * 64


def model(name: str, **more: Any) -> dict[str, Any]:
    """One model on offer; `more` replaces parts of it."""
    offer: dict[str, Any] = {
        "name": name,
        "source": {"uri": f"https://models.example/{name}.tar"},
        "sha256": "a" * 64,
        "gpus": 1,
        "maxConcurrency": 8,
        "servers": {"minimum": 0, "maximum": 4, "idleTimeout": "10m"},
        "price": {"perMillionItems": "1000000"},
    }
    return offer | more


def provider(name: str, models: list[str | dict[str, Any]], **more: Any) -> Manifest:
    """A provider under Test trust; `more` are parts of its spec."""
    offers = [model(each) if isinstance(each, str) else each for each in models]
    spec: dict[str, Any] = {
        "wallet": {"address": WALLET},
        "confidential": {
            "trust": "Test",
            "requireGPU": False,
            "technologies": [{"name": "Development", "gpuResource": GPU}],
        },
        "models": offers,
        "drainTimeout": "5m",
    }
    return {
        "apiVersion": API_VERSION,
        "kind": PROVIDER_KIND,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec | more,
    }


def job(name: str, model: str, **more: Any) -> Manifest:
    """A job for a model; `more` are parts of its spec."""
    spec: dict[str, Any] = {
        "model": model,
        "input": {"inline": '{"id":"0","inputs":[]}\n'},
        "output": {"configMap": {}},
        "minimumTrust": "Test",
        "parallelism": 1,
        "priority": 0,
        "attempts": 3,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": JOB_KIND,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec | more,
    }


def gpu_node(name: str, gpus: int = 1) -> Manifest:
    """A Ready node with GPUs."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "16", GPU: str(gpus)},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        },
    }
