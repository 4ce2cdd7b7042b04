"""The ConfigMap with a job's answers, owned by the job, so that it goes when the job goes."""

from __future__ import annotations

from typing import Any, Final

from cocoon.api.groups import API_VERSION, JOB_KIND, MANAGED_BY
from cocoon.api.runner import Finished
from cocoon.fleet.plan.records import Job
from cocoon.fleet.render.names import ATTEMPT_ANNOTATION, OUTPUT_DIGEST_ANNOTATION

#: Bytes. An object has at most about 1 MiB in etcd; half of it leaves room for all else.
MAXIMUM_OUTPUT: Final = 512 << 10
KEY: Final = "output.jsonl"


def output_name(job: Job) -> str:
    """The ConfigMap's name."""
    return f"{job.key.split('/', 1)[1]}-output"


def output_config_map(job: Job, event: Finished, name: str) -> dict[str, Any]:
    """The ConfigMap; the runner holds back outputs above MAXIMUM_OUTPUT."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": job.namespace,
            "labels": {
                "app.kubernetes.io/managed-by": MANAGED_BY,
                "app.kubernetes.io/part-of": "cocoon-fleet",
            },
            "annotations": {
                OUTPUT_DIGEST_ANNOTATION: event.output_sha256,
                ATTEMPT_ANNOTATION: str(event.attempt),
            },
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": JOB_KIND,
                    "name": job.key.split("/", 1)[1],
                    "uid": job.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "data": {KEY: event.output or ""},
    }
