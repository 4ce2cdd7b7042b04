"""The answers of a finished job that are in a ConfigMap, as the job wrote them."""

from __future__ import annotations

import hashlib

from cocoon.api.job import OutputStatus
from cocoon.api.resources import CONFIG_MAP
from cocoon.cli.cluster import Cluster
from cocoon.cli.failure import Failure


async def answers_in(cluster: Cluster, namespace: str, name: str, output: OutputStatus) -> str:
    """What this ConfigMap holds. Raises Failure if it is gone, or has another digest than the status says."""
    found = await cluster.get(CONFIG_MAP, namespace, name)
    answers = "".join((found.get("data") or {}).values())
    if hashlib.sha256(answers.encode()).hexdigest() != output.sha256:
        raise Failure(
            f"ConfigMap {name} is not what the job wrote (its sha256 is not {output.sha256}): somebody changed it. "
            "Create the job again."
        )
    return answers
