"""Where a finished job's answers are: in a ConfigMap, at the job's own address, or nowhere."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from cocoon.api.job import InferenceJob


def config_map_of(job: InferenceJob) -> str | None:
    """The ConfigMap that holds them."""
    output = job.status.output
    return output.config_map if output is not None else None


def address_of(job: InferenceJob) -> str | None:
    """The address that they were put to, without its query, which is a credential; None if nothing was."""
    output = job.status.output
    if output is None or output.config_map is not None:
        return None
    address = output.uri or (job.spec.output.uri if output.bytes else None)
    return urlunsplit(urlsplit(address)._replace(query="", fragment="")) if address else None
