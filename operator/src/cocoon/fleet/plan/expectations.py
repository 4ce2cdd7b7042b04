"""Actions that are being carried out: what they take is taken, and nobody plans the same thing twice meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cocoon.api.groups import RETIRING_CONDITION
from cocoon.api.job import JobStatus
from cocoon.api.times import Instant
from cocoon.fleet.plan import actions, remembering
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.records import Job, Key, Server, Uid
from cocoon.fleet.plan.touched import Subject

if TYPE_CHECKING:
    from cocoon.fleet.plan.snapshot import Snapshot

#: On what an action acts: of two with the same, the second waits for the first.
Matter = tuple[str, ...]


def matter_of(action: Action) -> Matter:
    """What an action acts on."""
    match action:
        case actions.WriteJobStatus() | actions.FinishJob() | actions.ReportSettled() | actions.DeleteJob():
            return ("job", action.job)
        case actions.CreateServer():
            return ("server", created_key(action))
        case actions.DeleteServer():
            return ("server", action.server)
        case _:
            return (type(action).__name__, *_names(action))


def _names(action: Action) -> tuple[str, ...]:
    match action:
        case actions.PushJob() | actions.CancelAttempt():
            return (action.server_uid, f"{action.uid}/{action.attempt}")
        case actions.ReportReceipt():
            return (action.server_uid, str(action.event.number))
        case actions.SetServerCondition():
            return (action.server, action.condition.type)
        case actions.WriteProviderStatus() | actions.SetFinalizer() | actions.ApplyChildren():
            return (action.provider,)
        case _:
            return (str(getattr(action, "server_uid", "")),)


def created_key(action: actions.CreateServer) -> Key:
    """The key of the server that will be created."""
    return Key(f"{action.provider.split('/', 1)[0]}/{action.name}")


def subject_of(action: Action) -> Subject:
    """What to look at again once the outcome of an action is known."""
    match action:
        case actions.WriteJobStatus() | actions.FinishJob() | actions.ReportSettled() | actions.DeleteJob():
            return ("job", action.job)
        case actions.CreateServer() | actions.WriteProviderStatus() | actions.SetFinalizer() | actions.ApplyChildren():
            return ("provider", action.provider)
        case _:
            return ("server", action.server)


class Expectations:
    """Actions under way, and those that wait after a failure."""

    def __init__(self) -> None:
        self.retiring: set[Key] = set()
        self._held: dict[Matter, Action] = {}
        self._not_before: dict[Matter, Instant] = {}
        self._statuses: dict[Key, JobStatus] = {}

    @property
    def waiting(self) -> int:
        """How many matters wait after a failure."""
        return len(self._not_before)

    def is_held(self, matter: Matter) -> bool:
        """Whether something is being done about this, or waits after a failure."""
        return matter in self._held or matter in self._not_before

    def takes_out(self, job: Key) -> bool:
        """Whether what is being done about a job keeps it from being bound; telling it why it waits does not."""
        action = self._held.get(("job", job))
        explains = isinstance(action, actions.WriteJobStatus) and action.purpose == "Explain"
        return ("job", job) in self._not_before or (action is not None and not explains)

    def expected(self, job: Job) -> Job:
        """The job as it will be if what is under way succeeds; only a bind takes anything ahead of time."""
        status = self._statuses.get(job.key)
        return job if status is None else replace(job, status=status)

    def hold(self, snapshot: Snapshot, action: Action, now: Instant) -> None:
        """Count an action as done."""
        self._held[matter_of(action)] = action
        remembering.started(snapshot.memory, snapshot, action, now)
        match action:
            case actions.WriteJobStatus(purpose="Bind"):
                self._statuses[action.job] = action.status
            case actions.CreateServer():
                snapshot.put(expected_server(snapshot, action, now))
            case actions.SetServerCondition() if action.condition.type == RETIRING_CONDITION:
                self.retiring.add(action.server)
                snapshot.touch_server(action.server)
        self._reindex(snapshot, action)

    def release(self, snapshot: Snapshot, action: Action, now: Instant, *, done: bool, not_before: Instant) -> None:
        """Take back what was counted; what is true now was put before."""
        matter = matter_of(action)
        self._held.pop(matter, None)
        if done:
            remembering.succeeded(snapshot.memory, snapshot, action, now)
        else:
            remembering.failed(snapshot.memory, snapshot, action)
        if not done and not_before > now:
            self._not_before[matter] = not_before
            snapshot.alarms.set(subject_of(action), not_before)
        self._take_back(snapshot, action)
        snapshot.touch(subject_of(action))
        self._reindex(snapshot, action)

    def expire(self, snapshot: Snapshot, now: Instant) -> None:
        """Let failed actions be planned again whose time has come."""
        over = [matter for matter, until in self._not_before.items() if until <= now]
        for matter in over:
            del self._not_before[matter]
            if matter[0] == "job":
                snapshot.reindex_job(Key(matter[1]))
            elif matter[0] == "server":
                snapshot.capacity.version += 1

    def _take_back(self, snapshot: Snapshot, action: Action) -> None:
        match action:
            case actions.WriteJobStatus():
                self._statuses.pop(action.job, None)
            case actions.CreateServer():
                server = snapshot.servers.get(created_key(action))
                if server is not None and is_expected(server):
                    snapshot.drop(Server, server.key)
            case actions.SetServerCondition() if action.condition.type == RETIRING_CONDITION:
                self.retiring.discard(action.server)
                snapshot.touch_server(action.server)
            case _:
                pass

    def _reindex(self, snapshot: Snapshot, action: Action) -> None:
        if matter_of(action)[0] == "job":
            snapshot.reindex_job(Key(matter_of(action)[1]))


def is_expected(server: Server) -> bool:
    """Whether this server is being created: its Pod is not known yet."""
    return server.uid.startswith("expected:")


def expected_server(snapshot: Snapshot, action: actions.CreateServer, now: Instant) -> Server:
    """A server as it will be: it holds its GPUs already."""
    offer = snapshot.providers[action.provider].offers[action.model]
    return Server(
        key=created_key(action),
        uid=Uid(f"expected:{created_key(action)}"),
        resource_version="",
        provider=action.provider,
        model=action.model,
        node=action.node,
        template=action.template,
        gpus=offer.gpus,
        gpu_resource=action.technology.gpu_resource,
        concurrency=offer.concurrency,
        created=now,
        deleting=False,
        running=False,
        isolated_for=action.isolated_for,
    )
