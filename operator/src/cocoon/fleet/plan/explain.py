"""Why a job waits, in one sentence per job that is next in its class.

`0/12 servers: 7 busy, 3 price above maximum, 2 not attested (TDX TCB OutOfDate); 0/4 nodes fit: 3 have 0 of 1 GPUs
free, 1 cordoned.` and what to do. Only a job that has been next for a moment is told, only when what there is to tell
changed, and at most every half minute: writes are scarce.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec import Struct

from cocoon.api.conditions import find
from cocoon.api.times import Instant
from cocoon.fleet.plan import job_status, reasons
from cocoon.fleet.plan.binding import is_covered
from cocoon.fleet.plan.census import BUSY, FREE
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.eligibility import refusal
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.memory import Head
from cocoon.fleet.plan.nodes import node_obstacle
from cocoon.fleet.plan.placement import live, may_create
from cocoon.fleet.plan.queues import JobClass, Queue, by_head, class_of
from cocoon.fleet.plan.records import Job, Node, Offer, Provider
from cocoon.fleet.plan.snapshot import Snapshot

#: A job that was just passed over may be bound a moment later.
PATIENCE: Final = 2.0
EXPLAIN_EVERY: Final = 30.0


class Table(Struct, frozen=True):
    """Servers and nodes by what keeps them from taking a job; `enough` is how many nodes fit another server."""

    servers: tuple[tuple[str, int], ...]
    nodes: tuple[tuple[str, int], ...]
    enough: int
    offers: int

    def sentence(self) -> str:
        """The counts in one line."""
        servers = f"0/{sum(count for _, count in self.servers)} servers{_listed(self.servers)}"
        total = self.enough + sum(count for _, count in self.nodes)
        return f"{servers}; {self.enough}/{total} nodes fit{_listed(self.nodes)}"


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Tell the heads of queues that found no server why."""
    for queue in by_head(draft.waiting):
        head = queue.head()
        if head is not None:
            _explain_when_due(snapshot, queue, snapshot.jobs[head[1]], now, draft)
    forget_past_heads(snapshot)


def why(snapshot: Snapshot, job: Job, now: Instant) -> Cause:
    """Why a job waits and what to do about it."""
    table = tabulate(snapshot, job, now)
    if not is_covered(snapshot, job, 0):
        return _uncovered(snapshot, job)
    if not table.offers:
        text = f"No offer of model {job.model} takes this job: {table.sentence()}."
        return Cause(reasons.NO_OFFER, f"{text} {_advice(table)}")
    return Cause(reasons.NO_FREE_SLOTS, f"{table.sentence()}. {_advice(table)}")


def tabulate(snapshot: Snapshot, job: Job, now: Instant) -> Table:
    """Count the servers of the job's model and the nodes where more could be, by what is in the way."""
    job_class, servers, nodes = class_of(job), Counter[str](), dict[str, str]()
    for key in sorted(snapshot.providers_of_model.get(job.model, ())):
        provider = snapshot.providers[key]
        offer = provider.offers[job.model]
        refused = refusal(job_class, provider, offer, snapshot.namespaces)
        _count_servers(snapshot, job_class, provider, refused, servers)
        if not refused:
            for node in snapshot.offered_nodes(provider):
                why_not = _node_obstacle(snapshot, provider, offer, node, now)
                nodes[node.name] = why_not and nodes.get(node.name, why_not)
    blocked = Counter(why_not for why_not in nodes.values() if why_not)
    fitting = sum(not why_not for why_not in nodes.values())
    return Table(_ordered(servers), _ordered(blocked), fitting, len(snapshot.candidates(job_class)))


def forget_past_heads(snapshot: Snapshot) -> None:
    """Drop what is remembered of classes that have no jobs any more, now and then."""
    heads = snapshot.memory.heads
    if len(heads) > 2 * snapshot.queues.classes() + 64:
        for job_class in [known for known in heads if not snapshot.queues.has_class(known)]:
            del heads[job_class]


def _explain_when_due(snapshot: Snapshot, queue: Queue, job: Job, now: Instant, draft: Draft) -> None:
    known = snapshot.memory.heads.get(queue.job_class)
    if known is None or known.uid != job.uid:
        known = snapshot.memory.heads[queue.job_class] = Head(job.uid, now)
    due = max(known.since + PATIENCE, known.explained + EXPLAIN_EVERY)
    if due > now:
        draft.wake(("model", job.model), due)
        return
    snapshot.memory.heads[queue.job_class] = Head(job.uid, known.since, now)
    draft.wake(("model", job.model), now + EXPLAIN_EVERY)
    cause, bound = why(snapshot, job, now), find(job.status.conditions, reasons.BOUND)
    if bound is None or (bound.reason, bound.message) != (cause.reason, cause.message):
        draft.write(job, job_status.explain(job, cause, now), "Explain")


def _count_servers(
    snapshot: Snapshot, job_class: JobClass, provider: Provider, refused: str, counts: Counter[str]
) -> None:
    for shelf in snapshot.census.shelves((provider.key, job_class.model)):
        for standing, count in snapshot.census.counts(shelf).items():
            if shelf[1] not in ("", job_class.namespace):
                counts[refused or "kept for other namespaces"] += count
            else:
                counts[refused or (BUSY if standing == FREE else standing)] += count


def _node_obstacle(snapshot: Snapshot, provider: Provider, offer: Offer, node: Node, now: Instant) -> str:
    if not may_create(snapshot, provider):
        return "of a provider that starts no servers now"
    if len(live(snapshot, (provider.key, offer.model))) >= offer.maximum:
        return f"of a provider with its maximum of {offer.maximum} servers"
    return node_obstacle(snapshot, provider, node, offer.gpus, now)


def _uncovered(snapshot: Snapshot, job: Job) -> Cause:
    if job.budget is None:
        return Cause(reasons.BUDGET_NEEDED, "Work is paid here. Create the job again with spec.budget, in nanoTON.")
    account, outstanding = snapshot.credit.get(job.namespace), snapshot.usage.outstanding(job.namespace)
    if account is None:
        return Cause(reasons.NO_CREDIT, f"Namespace {job.namespace} has no client account. Ask for credit.")
    message = (
        f"The budget of {job.budget} nanoTON is not covered: the account of namespace {job.namespace} has "
        f"{account.available}, of which {outstanding} are set aside. Ask for credit or wait for jobs to finish."
    )
    return Cause(reasons.NO_CREDIT, message)


def _advice(table: Table) -> str:
    if not table.servers and not table.nodes and not table.enough:
        return "Ask an administrator which models are offered, and to which namespaces."
    if not table.offers:
        return "Change what the job asks for, or ask an administrator for an offer that takes it."
    if table.enough:
        return "Servers are being started; wait."
    if any(standing == BUSY for standing, _ in table.servers):
        return "Wait for running jobs to finish, or ask an administrator for more servers."
    return "Ask an administrator to look at the provider's conditions."


def _ordered(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((why_not, n) for why_not, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0])))


def _listed(counts: tuple[tuple[str, int], ...]) -> str:
    return f": {', '.join(f'{count} {why_not}' for why_not, count in counts)}" if counts else ""
