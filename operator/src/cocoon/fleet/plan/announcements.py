"""What people are told by Kubernetes Events: a pure function from an action and what was known when it was planned.

An action that was carried out is a transition, so nothing needs to remember what was said. The normal way of a job
(bound, succeeded) is told by its status alone: docs/adr/0006-events-for-what-is-not-routine.md says why.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cocoon.api.conditions import find
from cocoon.api.groups import ATTESTED_CONDITION, RETIRING_CONDITION
from cocoon.api.job import JobStatus
from cocoon.fleet.plan import actions, provider_news, reasons
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.records import Job, Key, Provider, Server, Uid
from cocoon.fleet.plan.snapshot import Snapshot


class Announcement(Struct, frozen=True):
    """One Event about an object. The same reason `about` the same thing is not said again for a while."""

    kind: Literal["CocoonProvider", "InferenceJob", "Pod"]
    key: Key
    uid: Uid
    reason: str
    message: str
    warning: bool = False
    about: str = ""


Announcements = tuple[Announcement, ...]


def announcements(action: Action, snapshot: Snapshot) -> Announcements:
    """What to say once this action is carried out; `snapshot` is what it was planned from."""
    match action:
        case actions.WriteJobStatus():
            return _job_written(action)
        case actions.FinishJob(event=event) if event.code:
            return _job_finished(action, snapshot.jobs.get(action.job))
        case actions.CreateServer() | actions.SetServerCondition() | actions.DeleteServer():
            return _of_a_server(action, snapshot)
        case actions.WriteProviderStatus():
            return _provider_written(action, snapshot.providers.get(action.provider))
        case _:
            return ()


def _of_a_server(
    action: actions.CreateServer | actions.SetServerCondition | actions.DeleteServer, snapshot: Snapshot
) -> Announcements:
    match action:
        case actions.CreateServer():
            created = f"Server {action.name} for model {action.model} was created on node {action.node}."
            provider = snapshot.providers.get(action.provider)
            return _of_provider(provider, reasons.SERVER_CREATED, created, about=action.name)
        case actions.SetServerCondition():
            return _server_changed(action, snapshot)
        case actions.DeleteServer(reason=reasons.ENDED):
            ended = f"Server {action.server} was deleted. {action.message}"
            return _of_server_s_provider(snapshot, action.server, reasons.SERVER_LOST, ended, warning=True)
        case _:
            return ()  # why it goes was said when it began to retire


def _job_written(action: actions.WriteJobStatus) -> Announcements:
    match action.purpose:
        case "Bind":
            return _bound(action, action.status)
        case "Unbind":
            return _unbound(action, action.status)
        case "Fail":
            over = find(action.status.conditions, reasons.SUCCEEDED)
            return () if over is None else _of_job(action, over.reason, over.message, warning=True)
        case _:
            waits = find(action.status.conditions, reasons.BOUND)
            suspended = waits is not None and waits.reason == reasons.SUSPENDED
            return _of_job(action, reasons.SUSPENDED, waits.message) if waits is not None and suspended else ()


def _bound(action: actions.WriteJobStatus, status: JobStatus) -> Announcements:
    """Only a job that lost an attempt has its next one announced."""
    binding = status.binding
    if binding is None or binding.attempt == 1:
        return ()
    price = provider_news.price_in_words(binding.price)
    message = f"Attempt {binding.attempt} was given to server {binding.server} at {price}."
    return _of_job(action, reasons.JOB_BOUND, message, about=str(binding.attempt))


def _unbound(action: actions.WriteJobStatus, status: JobStatus) -> Announcements:
    waits, last = find(status.conditions, reasons.BOUND), status.attempts[-1]
    why = waits.message if waits is not None else ""
    message = f"Attempt {last.number} came to nothing. {why}"
    return _of_job(action, last.reason, message, warning=not last.free, about=str(last.number))


def _job_finished(action: actions.FinishJob, job: Job | None) -> Announcements:
    """An end that is not a success, the first time that it is written."""
    if job is None or job.finished:
        return ()
    message = action.event.detail or f"The attempt ended with {action.event.code}; its receipt says what was done."
    return _of_job(action, action.event.code, message, warning=True)


def _server_changed(action: actions.SetServerCondition, snapshot: Snapshot) -> Announcements:
    server, new = snapshot.servers.get(action.server), action.condition
    if server is None:
        return ()
    if new.type == RETIRING_CONDITION:
        bad = new.reason in {reasons.NOT_TRUSTED, reasons.UNSCHEDULABLE}
        message = f"Server {server.key} gets no more jobs. {new.message}"
        return _of_server_s_provider(snapshot, server.key, new.reason, message, warning=bad)
    if new.type != ATTESTED_CONDITION or _shows_already(server, new.status, new.reason):
        return ()
    message = f"Server {server.key}: {new.message}"
    return _of_server_s_provider(snapshot, server.key, new.reason, message, warning=new.status != "True")


def _shows_already(server: Server, truth: str, reason: str) -> bool:
    return server.attested is not None and (server.attested.status, server.attested.reason) == (truth, reason)


def _provider_written(action: actions.WriteProviderStatus, provider: Provider | None) -> Announcements:
    if provider is None:
        return ()
    said: Announcements = ()
    for each in provider_news.news(provider, action.status):
        said += _of_provider(provider, each.reason, each.message, warning=each.warning, about=each.about)
    return said


def _of_job(
    action: actions.WriteJobStatus | actions.FinishJob,
    reason: str,
    message: str,
    *,
    warning: bool = False,
    about: str = "",
) -> Announcements:
    return (Announcement("InferenceJob", action.job, action.uid, reason, _sentence(message), warning, about),)


def _of_provider(
    provider: Provider | None, reason: str, message: str, *, warning: bool = False, about: str = ""
) -> Announcements:
    if provider is None:
        return ()
    return (Announcement("CocoonProvider", provider.key, provider.uid, reason, _sentence(message), warning, about),)


def _of_server_s_provider(
    snapshot: Snapshot, key: Key, reason: str, message: str, *, warning: bool = False
) -> Announcements:
    server = snapshot.servers.get(key)
    provider = snapshot.providers.get(server.provider) if server is not None else None
    return _of_provider(provider, reason, message, warning=warning, about=key)


def _sentence(message: str) -> str:
    """What others say need not end with a full stop."""
    return message if message.endswith((".", "!", "?")) else f"{message}."
