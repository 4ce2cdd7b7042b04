"""What the planner remembers of the actions that were carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cocoon.api.groups import RETIRING_CONDITION
from cocoon.api.times import Instant
from cocoon.fleet.plan import actions, reasons
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.backoff import growing
from cocoon.fleet.plan.memory import Avoided, Memory, Tries
from cocoon.fleet.plan.records import Uid

if TYPE_CHECKING:
    from cocoon.fleet.plan.snapshot import Snapshot

LOAD_AGAIN_AFTER: Final = 30.0
AVOID_NODE_FOR: Final = 60.0


def started(memory: Memory, snapshot: Snapshot, action: Action, now: Instant) -> None:
    """An action is being carried out."""
    match action:
        case actions.LoadModel():
            count = memory.loads[action.server_uid].count + 1 if action.server_uid in memory.loads else 1
            memory.loads[action.server_uid] = Tries(count, now + growing(count, LOAD_AGAIN_AFTER))
        case actions.AttestServer():
            memory.attested[action.server_uid] = now
        case actions.WriteProviderStatus():
            memory.provider_written[action.provider] = now
        case actions.DeleteServer(reason=reasons.OUTDATED):
            _owe(memory, snapshot, action, 1)
        case _:
            pass


def succeeded(memory: Memory, snapshot: Snapshot, action: Action, now: Instant) -> None:
    """An action was carried out."""
    match action:
        case actions.CreateServer():
            _count_up(memory, action)
        case actions.CancelAttempt():
            memory.cancelled[action.server_uid, f"{action.uid}/{action.attempt}"] = now
        case actions.ReportReceipt():
            view = snapshot.runners.get(action.server_uid)
            boot = view.boot if view is not None else ""
            memory.reported.setdefault(action.server_uid, set()).add((boot, action.event.number))
        case actions.ApplyChildren():
            memory.children[action.provider] = action.digest
            snapshot.capacity.version += 1
        case actions.SetServerCondition() if action.condition.type == RETIRING_CONDITION:
            _avoid(memory, snapshot, action, now)
        case _:
            pass


def failed(memory: Memory, snapshot: Snapshot, action: Action) -> None:
    """An action was not carried out, as far as is known."""
    if isinstance(action, actions.DeleteServer) and action.reason == reasons.OUTDATED:
        _owe(memory, snapshot, action, -1)


def _owe(memory: Memory, snapshot: Snapshot, action: actions.DeleteServer, change: int) -> None:
    """An outdated server that goes is to be replaced; one that is still there after a failure is not gone."""
    server = snapshot.servers.get(action.server)
    if server is not None and server.uid == action.uid:
        offer = (server.provider, server.model)
        memory.owed[offer] = max(memory.owed.get(offer, 0) + change, 0)
        snapshot.touched.providers.add(server.provider)


def forget_server(memory: Memory, server: Uid) -> None:
    """A server is gone: nothing needs to be remembered of it."""
    memory.loads.pop(server, None)
    memory.attested.pop(server, None)
    memory.reported.pop(server, None)
    for known in [known for known in memory.cancelled if known[0] == server]:
        del memory.cancelled[known]


def _count_up(memory: Memory, action: actions.CreateServer) -> None:
    start, ordinal = action.name.rsplit("-", 1)
    memory.ordinals[start] = max(memory.ordinals.get(start, 0), int(ordinal))
    offer = (action.provider, action.model)
    if memory.owed.get(offer, 0) > 0:
        memory.owed[offer] -= 1


def _avoid(memory: Memory, snapshot: Snapshot, action: actions.SetServerCondition, now: Instant) -> None:
    server = snapshot.servers.get(action.server)
    if server is None or action.condition.reason not in (reasons.NOT_TRUSTED, reasons.UNSCHEDULABLE):
        return
    known = memory.avoided.get(server.node)
    count = known.count + 1 if known is not None else 1
    snapshot.capacity.version += 1
    memory.avoided[server.node] = Avoided(count, now + growing(count, AVOID_NODE_FOR), action.condition.message)
