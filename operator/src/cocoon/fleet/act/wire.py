"""Statuses as they are written: what Structs leave out because it is a default is said where people look for it."""

from __future__ import annotations

import msgspec

from cocoon.api.job import JobStatus
from cocoon.api.resources import Manifest


def job_status(status: JobStatus) -> Manifest:
    """A job's status; its state is a printer column and a field selector, so it is always there."""
    written: Manifest = msgspec.to_builtins(status)
    return {"state": status.state, **written}
