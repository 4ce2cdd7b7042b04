"""What runners are told besides jobs: models, cancellations, acknowledgements, and which attempts still stand."""

from __future__ import annotations

from msgspec.structs import replace

from cocoon.api.runner import Cancellation, ModelAssignment
from cocoon.fleet.act.means import Means
from cocoon.fleet.plan.actions import AcknowledgeEvents, CancelAttempt, ConfirmStanding, LoadModel
from cocoon.fleet.ports.failures import Gone


async def load_model(action: LoadModel, means: Means) -> None:
    """Have the model loaded; how that goes is read later."""
    offer = means.provider(action.provider).offers.get(action.model)
    if offer is None:
        raise Gone(f"{action.provider} no longer offers {action.model}.")
    spec = offer.spec
    assignment = ModelAssignment(spec.name, spec.sha256, spec.source, spec.meter, spec.max_concurrency)
    state = await means.servers.load(means.place(action.server, action.server_uid), assignment)
    view = means.mirror.snapshot.runners.get(action.server_uid)
    if view is not None:
        others = tuple(model for model in view.models if model.name != state.name)
        means.mirror.know(replace(view, models=(*others, state)))
    means.nudges.nudge(action.server_uid)


async def cancel_attempt(action: CancelAttempt, means: Means) -> None:
    """Stop an attempt."""
    why = Cancellation(action.final, action.reason)
    await means.servers.cancel(means.place(action.server, action.server_uid), f"{action.uid}/{action.attempt}", why)


async def acknowledge_events(action: AcknowledgeEvents, means: Means) -> None:
    """Let the runner forget what is durable elsewhere."""
    await means.servers.acknowledge(means.place(action.server, action.server_uid), action.up_to)
    view = means.mirror.snapshot.runners.get(action.server_uid)
    if view is not None:
        kept = tuple(event for event in view.finished if event.number > action.up_to)
        means.mirror.know(replace(view, finished=kept, acknowledged=max(view.acknowledged, action.up_to)))


async def confirm_standing(action: ConfirmStanding, means: Means) -> None:
    """Say which attempts still stand, so that the runner publishes them."""
    await means.servers.confirm(means.place(action.server, action.server_uid), action.attempts)
    view = means.mirror.snapshot.runners.get(action.server_uid)
    if view is not None:
        means.mirror.know(replace(view, lapsed=False))
