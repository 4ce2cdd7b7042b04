"""What the benchmarks create in the cluster: providers that each offer one simulated node, and jobs for the stub.

The work of a job is said in its own input, as the stub reads it: one line for each item, all of which run at once, with
the parameter `work_ms`. Answers go to an address rather than to a ConfigMap: that is the path with two writes a job.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from tests.bench.workload import SLOTS, Arrival

Json = dict[str, Any]

API = "cocoonfleet.io/v1alpha1"
NAMESPACE = "default"
CRDS = Path(__file__).resolve().parents[2] / "crds"
PROVIDERS = f"/apis/{API}/namespaces/{NAMESPACE}/cocoonproviders"
JOBS = f"/apis/{API}/namespaces/{NAMESPACE}/inferencejobs"
GPU_RESOURCE = "nvidia.com/pgpu"
MODEL = "timer"
MODEL_SHA256 = hashlib.sha256(b"timer").hexdigest()
#: The raw address of account 0, whose key nobody has.
WALLET = "0:" + "0" * 64


def provider_name(number: int) -> str:
    return f"provider-{number}"


def provider(number: int, node: str, slots: int = SLOTS) -> Json:
    """An offer of one node and one model, whose only server is kept running."""
    return {
        "apiVersion": API,
        "kind": "CocoonProvider",
        "metadata": {"name": provider_name(number), "namespace": NAMESPACE},
        "spec": {
            "wallet": {"address": WALLET},
            "nodes": {"selector": {"matchLabels": {"kubernetes.io/hostname": node}}},
            "confidential": {
                "trust": "Test",
                "requireGPU": False,
                "technologies": [{"name": "Development", "gpuResource": GPU_RESOURCE}],
            },
            "models": [
                {
                    "name": MODEL,
                    "source": {"uri": "https://models.example/timer.tar"},
                    "sha256": MODEL_SHA256,
                    "gpus": 1,
                    "maxConcurrency": slots,
                    "servers": {"minimum": 1, "maximum": 1},
                    "price": {"perMillionItems": "1000000"},
                }
            ],
        },
    }


def job(arrival: Arrival, members: list[int]) -> Json:
    """An InferenceJob of `parallelism` items that all take as long as the class says."""
    kind = arrival.kind
    return {
        "apiVersion": API,
        "kind": "InferenceJob",
        "metadata": {"name": arrival.name, "namespace": NAMESPACE},
        "spec": {
            "model": MODEL,
            "providers": [{"name": provider_name(member)} for member in members],
            "input": {"inline": items(kind.parallelism, kind.milliseconds)},
            "output": {"uri": f"https://answers.example/{arrival.name}"},
            "minimumTrust": "Test",
            "parallelism": kind.parallelism,
            "priority": kind.priority,
        },
    }


@functools.cache
def items(count: int, milliseconds: int) -> str:
    """`count` lines of input that the stub takes `milliseconds` for."""
    line = {"inputs": [], "parameters": {"work_ms": milliseconds}}
    return "".join(json.dumps({"id": str(number), **line}, separators=(",", ":")) + "\n" for number in range(count))
