"""Records by kind and key with the indexes over them, and what each change makes the next round look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from cocoon.api.times import Instant
from cocoon.fleet.plan import gone_jobs, remembering
from cocoon.fleet.plan.capacity import Capacity
from cocoon.fleet.plan.census import Census
from cocoon.fleet.plan.differences import news, terms, waits
from cocoon.fleet.plan.eligibility import Candidate, OfferKey
from cocoon.fleet.plan.expectations import Expectations
from cocoon.fleet.plan.known import Known
from cocoon.fleet.plan.memory import Memory
from cocoon.fleet.plan.queues import JobClass, Queues
from cocoon.fleet.plan.records import (
    Attestation,
    Credit,
    Earned,
    ForeignUse,
    Job,
    Key,
    Keyrings,
    Namespace,
    Node,
    PayoutHolds,
    PayoutLink,
    Provider,
    Record,
    RunnerView,
    Server,
    Uid,
)
from cocoon.fleet.plan.roll_call import RollCall
from cocoon.fleet.plan.shelves import Shelves
from cocoon.fleet.plan.touched import Alarms, Subject, Touched
from cocoon.fleet.plan.usage import Usage

#: No machine has more GPUs than this; a larger number is a mistake of whoever reports it.
MOST_GPUS = 16


class Knowledge(Known):
    """What is known. Each kind is put and dropped by a method of its own, which touches what depends on it."""

    def __init__(self, most_gpus: int = MOST_GPUS, memory: Memory | None = None) -> None:
        super().__init__()
        self.queues = Queues()
        self.usage = Usage()
        self.capacity = Capacity(most_gpus)
        self.shelves = Shelves()
        self.census = Census()
        self.memory = memory or Memory()
        self.touched = Touched()
        self.alarms: Alarms[Subject] = Alarms()
        self.head_alarms: Alarms[JobClass] = Alarms()
        """When the head of a class is to be told why it waits."""
        self.expectations = Expectations()
        self.roll_call = RollCall()

        self.server_keys: dict[Uid, Key] = {}
        self.provider_keys: dict[Uid, Key] = {}
        self.job_keys: dict[Uid, Key] = {}
        self.servers_of_provider: dict[Key, set[Key]] = defaultdict(set)
        self.servers_of_offer: dict[OfferKey, set[Key]] = defaultdict(set)
        self.servers_on_node: dict[str, set[Key]] = defaultdict(set)
        self.providers_of_model: dict[str, set[Key]] = defaultdict(set)
        self._seen_capacity = 0
        self._last_round: Instant = 0.0
        self._offered: dict[Key, tuple[Node, ...]] = {}
        self._interned: dict[tuple[Candidate, ...], tuple[Candidate, ...]] = {}
        self._candidates: dict[str, dict[JobClass, tuple[Candidate, ...]]] = defaultdict(dict)
        self._puts = self._ways_in()
        self._drops = self._ways_out()

    def _ways_in(self) -> dict[type, Callable[[Any], None]]:
        return {
            Provider: self._put_provider,
            Node: self._put_node,
            ForeignUse: self._put_foreign,
            Namespace: self._put_namespace,
            Server: self._put_server,
            Attestation: self._put_attestation,
            RunnerView: self._put_runner,
            Job: self._put_job,
            Credit: self._put_credit,
            PayoutLink: self._put_payout,
            Earned: self._put_earned,
            PayoutHolds: self._put_holds,
            Keyrings: self._put_keyrings,
        }

    def _ways_out(self) -> dict[type, Callable[[Any], None]]:
        return {
            Provider: self._drop_provider,
            Node: self._drop_node,
            ForeignUse: self._drop_foreign,
            Namespace: self._drop_namespace,
            Server: self._drop_server,
            Attestation: self._drop_attestation,
            RunnerView: self._drop_runner,
            Job: self._drop_job,
            Credit: self._drop_credit,
        }

    def put(self, record: Record) -> None:
        """Note what is known of one thing now. The same record again changes nothing."""
        self._puts[type(record)](record)

    def drop(self, kind: type, key: str) -> None:
        """Note that a thing is gone: key, node name, server uid or namespace, whichever its kind goes by."""
        self._drops[kind](key)

    def touch_all(self) -> None:
        """Have the next round look at everything, as after a start or a change of leader."""
        self.touched.providers.update(self.providers)
        self.touched.servers.update(self.servers)
        self.touched.jobs.update(self.jobs)
        self.touched.models.update(job.model for job in self.jobs.values())
        self.touched.models.update(self.providers_of_model)

    def touch(self, subject: Subject) -> None:
        """Look at a subject, at a server's jobs with it, and at the server that a job is or was on."""
        kind, name = subject
        server = self.servers.get(Key(name)) if kind == "server" else None
        job = self.jobs.get(Key(name)) if kind == "job" else None
        if server is not None:
            self._server_changed(server)
        elif job is not None:
            self._touch_job(job.key, job)
        else:
            self.touched.add(subject)

    def touch_server(self, key: Key) -> None:
        """Look at a server, its provider and its model's queues."""
        server = self.servers.get(key)
        self.touched.servers.add(key)
        if server is not None:
            self.touched.providers.add(server.provider)
            self.touched.models.add(server.model)

    # --- one method per kind ---

    def _put_provider(self, provider: Provider) -> None:
        old = self.providers.get(provider.key)
        if old == provider:
            return
        if old is not None and old.uid != provider.uid:
            self._forget_earnings(old)
        self.providers[provider.key] = provider
        self.provider_keys[provider.uid] = provider.key
        self.touched.providers.add(provider.key)
        if old is not None and terms(old) == terms(provider):
            return
        self._offered.pop(provider.key, None)
        self._forget_offers(old)
        self._know_offers(provider)
        self.capacity.version += 1
        for key in self.servers_of_provider[provider.key]:
            self.touch_server(key)

    def _know_offers(self, provider: Provider) -> None:
        for model in provider.offers:
            self.providers_of_model[model].add(provider.key)
            self._candidates.pop(model, None)
            self.touched.models.add(model)

    def _forget_offers(self, provider: Provider | None) -> None:
        if provider is None:
            return
        for model in provider.offers:
            self.providers_of_model[model].discard(provider.key)
            self._candidates.pop(model, None)
            self.touched.models.add(model)

    def _drop_provider(self, key: Key) -> None:
        provider = self.providers.pop(key, None)
        self._forget_offers(provider)
        self._forget_earnings(provider)
        self.touched.providers.add(key)
        self.memory.children.pop(key, None)
        for server in self.servers_of_provider[key]:
            self.touch_server(server)

    def _put_node(self, node: Node) -> None:
        if self.nodes.get(node.name) != node:
            self.nodes[node.name] = node
            self._node_changed(node.name)

    def _drop_node(self, name: str) -> None:
        self.nodes.pop(name, None)
        self._node_changed(name)

    def _node_changed(self, name: str) -> None:
        self.capacity.version += 1
        self._offered.clear()
        self.touched.providers.update(self.providers)
        for key in self.servers_on_node[name]:
            self.touch_server(key)
            self.touched.jobs.update(self.usage.jobs_of(self.servers[key].uid))

    def _put_foreign(self, use: ForeignUse) -> None:
        if self.foreign.get(use.node) != use:
            self.foreign[use.node] = use
            self.capacity.put_foreign(use)
            self.touched.providers.update(self.providers)

    def _drop_foreign(self, node: str) -> None:
        self.foreign.pop(node, None)
        self.capacity.drop_foreign(node)
        self.touched.providers.update(self.providers)

    def _put_namespace(self, namespace: Namespace) -> None:
        if self.namespaces.get(namespace.name) != namespace:
            self.namespaces[namespace.name] = namespace
            self._namespace_changed()

    def _drop_namespace(self, name: str) -> None:
        self.namespaces.pop(name, None)
        self._namespace_changed()

    def _namespace_changed(self) -> None:
        self._candidates.clear()
        self._interned.clear()
        self.touched.models.update(self.providers_of_model)

    def _put_server(self, server: Server) -> None:
        old = self.servers.get(server.key)
        if old == server:
            return
        if old is not None and old.uid != server.uid:
            self._drop_server(server.key)
        if server.ended:
            self._strike(server.uid)
        self.servers[server.key] = server
        self.server_keys[server.uid] = server.key
        self.servers_of_provider[server.provider].add(server.key)
        self.servers_of_offer[server.provider, server.model].add(server.key)
        self.servers_on_node[server.node].add(server.key)
        self.capacity.put_server(server)
        self._server_changed(server)

    def _server_changed(self, server: Server) -> None:
        self.touch_server(server.key)
        self.touched.jobs.update(self.usage.jobs_of(server.uid))

    def _drop_server(self, key: Key) -> None:
        server = self.servers.get(key)
        if server is None:
            return
        self._server_changed(server)
        del self.servers[key]
        self.server_keys.pop(server.uid, None)
        self.servers_of_provider[server.provider].discard(key)
        self.servers_of_offer[server.provider, server.model].discard(key)
        self.servers_on_node[server.node].discard(key)
        self.capacity.drop_server(key)
        self.shelves.remove(key)
        self.census.remove(key)
        self._strike(server.uid)
        remembering.forget_server(self.memory, server.uid)

    def _strike(self, server: Uid) -> None:
        if self.roll_call.strike(server):
            self.touched.models.update(self.queues.models())

    def _put_attestation(self, attestation: Attestation) -> None:
        if self.attestations.get(attestation.server) != attestation:
            self.attestations[attestation.server] = attestation
            self._runner_changed(attestation.server)

    def _drop_attestation(self, server: Uid) -> None:
        self.attestations.pop(server, None)
        self._runner_changed(server)

    def _put_runner(self, view: RunnerView) -> None:
        old = self.runners.get(view.server)
        self.runners[view.server] = view
        if self.payout.configured and gone_jobs.count(self.usage, view, self.job_keys):
            self.touched.models.update(self.queues.models())
        if view.heard:
            self._strike(view.server)
        if old is None or news(old) != news(view):
            self._runner_changed(view.server)

    def _drop_runner(self, server: Uid) -> None:
        self.runners.pop(server, None)
        self.usage.works_for(server, set())
        self.touched.models.update(self.queues.models())
        self._runner_changed(server)

    def _runner_changed(self, uid: Uid) -> None:
        key = self.server_keys.get(uid)
        if key is not None:
            self._server_changed(self.servers[key])

    def _put_job(self, job: Job) -> None:
        old = self.jobs.get(job.key)
        if old is not None and old.resource_version == job.resource_version and old == job:
            return
        if old is not None and old.uid != job.uid:
            self._drop_job(job.key)
        self.jobs[job.key] = job
        self.job_keys[job.uid] = job.key
        self.reindex_job(job.key)

    def _drop_job(self, key: Key) -> None:
        job = self.jobs.pop(key, None)
        if job is None:
            return
        self._touch_job(key, job)
        self.usage.drop(job)
        self.queues.remove(key)
        self.job_keys.pop(job.uid, None)

    def reindex_job(self, key: Key) -> None:
        """Put a job where it belongs, as it is or as it is expected to become."""
        job = self.jobs.get(key)
        if job is None:
            return
        if key in self.queues or self.usage.server_of(key) is not None:
            self._touch_job(key, job)
        self.usage.put(self.expectations.expected(job))
        if waits(job) and not self.expectations.takes_out(key):
            self.queues.put(job)
        else:
            self.queues.remove(key)
        self._touch_job(key, job)

    def _touch_job(self, key: Key, job: Job) -> None:
        self.touched.jobs.add(key)
        bound = Uid(job.status.binding.server_uid) if job.status.binding is not None else None
        for server in (self.usage.server_of(key), bound):  # the latter may keep the receipt of an ended job
            if server is not None and server in self.server_keys:
                self.touch_server(self.server_keys[server])
        if key in self.queues:
            self.touched.models.add(job.model)

    def _put_credit(self, credit: Credit) -> None:
        if self.credit.get(credit.namespace) != credit:
            self.credit[credit.namespace] = credit
            waiting = self.usage.awaits_reading(credit.namespace)
            told_of = gone_jobs.told_of(self.runners.values(), self.job_keys) if waiting else set()
            self.usage.account_read(credit.namespace, told_of)
            self._touch_models_of(credit.namespace)

    def _drop_credit(self, namespace: str) -> None:
        self.credit.pop(namespace, None)
        self._touch_models_of(namespace)

    def _touch_models_of(self, namespace: str) -> None:
        self.touched.models.update(self.queues.models_of(namespace))

    def _put_payout(self, link: PayoutLink) -> None:
        if self.payout != link:
            self.payout = link
            self.touch_all()

    def _put_earned(self, earned: Earned) -> None:
        if self.earned.get(earned.provider) != earned.figures:
            self.earned[earned.provider] = earned.figures
            if earned.provider in self.provider_keys:
                self.touched.providers.add(self.provider_keys[earned.provider])

    def _forget_earnings(self, provider: Provider | None) -> None:
        if provider is not None:
            self.earned.pop(provider.uid, None)
            self.provider_keys.pop(provider.uid, None)

    def _put_holds(self, holds: PayoutHolds) -> None:
        old, self.holds = self.holds, holds
        same = {} if old is None or old.unread != holds.unread else old.by_provider
        changed = {uid for uid, _ in same.items() ^ holds.by_provider.items()}
        for uid, key in self.provider_keys.items():
            if old is None or old.unread != holds.unread or "" in changed or uid in changed:
                self.touched.providers.add(key)

    def _put_keyrings(self, keyrings: Keyrings) -> None:
        if self.keyrings != keyrings:
            self.keyrings = keyrings
            self.touched.providers.update(self.providers)
            self._namespace_changed()  # which offers a class may use has to be found anew
