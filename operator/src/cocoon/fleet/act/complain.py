"""What was refused, said where people look: as an Event of the object that it was done for."""

from __future__ import annotations

from typing import Final

from cocoon.fleet.act.means import Means
from cocoon.fleet.plan.actions import Action, FinishJob
from cocoon.fleet.plan.announcements import Announcement
from cocoon.fleet.plan.expectations import subject_of
from cocoon.fleet.plan.records import Key
from cocoon.fleet.ports.failures import Refused

REFUSED: Final = "ActionRefused"
OUTPUT_REFUSED: Final = "OutputRefused"


def complaint(action: Action, refused: Refused, means: Means) -> Announcement | None:
    """A warning about the object, or None if that is unknown."""
    kind, key = subject_of(action)
    reason = OUTPUT_REFUSED if isinstance(action, FinishJob) else REFUSED
    message = f"{type(action).__name__} was refused and is tried again later: {refused}"
    snapshot, name = means.mirror.snapshot, Key(key)
    if kind == "job" and (job := snapshot.jobs.get(name)):
        return Announcement("InferenceJob", job.key, job.uid, reason, message, warning=True)
    if kind == "provider" and (provider := snapshot.providers.get(name)):
        return Announcement("CocoonProvider", provider.key, provider.uid, reason, message, warning=True)
    if kind == "server" and (server := snapshot.servers.get(name)):
        return Announcement("Pod", server.key, server.uid, reason, message, warning=True)
    return None
