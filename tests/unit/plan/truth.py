"""What is true, and what carrying out an action makes of it: resource versions, Pods, runners, a ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from cocoon.api.conditions import Condition
from cocoon.api.evidence import Verdict
from cocoon.api.groups import ATTESTED_CONDITION
from cocoon.api.money import NanoTon, Usage
from cocoon.api.runner import ModelState
from cocoon.api.trust import Trust
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan import job_status, reasons
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.expectations import created_key
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import (
    Attempt,
    Attestation,
    Credit,
    Job,
    Key,
    Provider,
    Record,
    RunnerView,
    Server,
    Uid,
)
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.trust import next_try
from tests.unit.plan.builders import SHA, START, finished


class ConflictError(Exception):
    """The object is not what it was when the action was planned."""


class Truth:
    """What is, beside what the operator knows of it."""

    def __init__(self, *records: Record) -> None:
        self.now = START
        self.snapshot = Snapshot()
        self.providers: dict[Key, Provider] = {}
        self.servers: dict[Key, Server] = {}
        self.jobs: dict[Key, Job] = {}
        self.views: dict[Uid, RunnerView] = {}
        self.unreachable: set[Uid] = set()
        self.verdict: Callable[[Server], Verdict | None] = self._trusts
        self.log: list[Action] = []
        self.late: list[Action] = []
        """Actions that are still under way."""
        self.ledger: dict[str, list[str]] = defaultdict(list)
        """Reported receipts by job uid."""
        self.accounts: dict[str, int] = {}
        """What each namespace's account holds at the payout service, in nanoTON."""
        self.writes: dict[str, list[str]] = defaultdict(list)
        """By job uid, the letter of each status write that was carried out: B(ind), U(nbind), E(xplain),
        F(ail, without a receipt), S(ettled by a receipt), L(ate: as S, but Reported follows), R(eported)."""
        self.events: dict[Uid, int] = defaultdict(int)
        self.pods = 0
        self.ever: dict[Uid, Job] = {}
        """Every job that ever was."""
        self.began = START
        """When the operator began to act."""
        self.surprised: set[str] = set()
        """Namespaces of deleted jobs whose runner was not heard from within the time that is waited for it."""
        self._version = 1
        self.has(*records)

    # --- setting the scene ---

    def has(self, *records: Record) -> None:
        """Let these be true, and known."""
        for record in records:
            match record:
                case Provider():
                    self.providers[record.key] = record
                case Server():
                    self.servers[record.key] = record
                case Job():
                    self.jobs[record.key] = self.ever[record.uid] = record
                case RunnerView():
                    self.views[record.server] = record
                case _:
                    pass
            self.snapshot.put(record)

    def delete_job(self, key: Key) -> None:
        """Somebody deletes a job."""
        if self.jobs.pop(key, None) is not None:
            self.snapshot.drop(Job, key)

    def lose_pod(self, key: Key) -> None:
        """A server's Pod goes away for whatever reason."""
        server = self.servers.pop(key, None)
        if server is not None:
            self.views.pop(server.uid, None)
            self.unreachable.discard(server.uid)
            self.snapshot.drop(Server, key)
            self.snapshot.drop(RunnerView, server.uid)
            self.snapshot.drop(Attestation, server.uid)

    def finish(self, uid: Uid, attempt: str, outcome: str = "Succeeded", code: str = "") -> None:
        """A runner ends an attempt."""
        known = self.views[uid]
        held = known.attempts[attempt]
        job = self.ever[held.uid]
        self.events[uid] += 1
        event = finished(job, held.number, self.events[uid], outcome, code=code)
        rest = {name: each for name, each in known.attempts.items() if name != attempt}
        idle = None if rest else self.now
        self._change_view(uid, attempts=rest, finished=(*known.finished, event), idle_since=idle)

    def carry_out(self, action: Action) -> None:
        """Make it true. Raises ConflictError if the world is not what the plan took it for."""
        deeds: dict[type, Callable[[Any], None]] = {
            act.WriteJobStatus: self._write_job,
            act.FinishJob: self._finish_job,
            act.DeleteJob: self._delete_job,
            act.PushJob: self._push,
            act.CancelAttempt: self._cancel,
            act.AcknowledgeEvents: self._acknowledge,
            act.ConfirmStanding: lambda each: self._change_view(each.server_uid, lapsed=False),
            act.ReportSettled: self._report_settled,
            act.ReportReceipt: lambda each: self._hand_in(each.event.uid, each.event.receipt),
            act.LoadModel: self._load,
            act.AttestServer: self._attest,
            act.CreateServer: self._create,
            act.DeleteServer: self._delete_server,
            act.SetServerCondition: self._set_condition,
            act.WriteProviderStatus: self._write_provider,
            act.SetFinalizer: self._set_finalizer,
            act.ApplyChildren: lambda _: None,
        }
        deeds[type(action)](action)

    # --- one action each ---

    def _write_job(self, action: act.WriteJobStatus) -> None:
        job = self._current(action.job, action.uid, action.resource_version)
        self._written(job, action.purpose[0])
        self._store_job(replace(job, status=action.status, resource_version=self._next()))

    def _delete_job(self, action: act.DeleteJob) -> None:
        self._current(action.job, action.uid, action.resource_version)
        self.delete_job(action.job)

    def _acknowledge(self, action: act.AcknowledgeEvents) -> None:
        known = self._view(action.server_uid)
        kept = tuple(event for event in known.finished if event.number > action.up_to)
        self._change_view(action.server_uid, finished=kept, acknowledged=action.up_to)

    def _load(self, action: act.LoadModel) -> None:
        self._view(action.server_uid)
        self._change_view(action.server_uid, models=(ModelState(action.model, SHA, "Loading"),))

    def _delete_server(self, action: act.DeleteServer) -> None:
        server = self.servers.get(action.server)
        if server is None or server.uid != action.uid:
            raise ConflictError
        assert server.ended or not self.views.get(server.uid, _NO_VIEW).finished, "receipts are lost"
        self.lose_pod(action.server)

    def _write_provider(self, action: act.WriteProviderStatus) -> None:
        provider = self._provider(action.provider, action.resource_version)
        self.has(replace(provider, status=action.status, resource_version=self._next()))

    def _finish_job(self, action: act.FinishJob) -> None:
        if self._payout_answers:
            self._book(action.event.uid, action.event.receipt)
        job = self._current(action.job, action.uid, action.resource_version)
        claims = claims_of(action.event.receipt)
        assert claims is not None
        status = job_status.settle(
            job, claims, action.event.receipt, Cause(reasons.COMPLETED, "Done."), self.now, output=None
        )
        link = self.snapshot.payout
        truth = "True" if self._payout_answers else "False"
        no = reasons.PAYOUT_UNREACHABLE if link.configured else reasons.NO_PAYOUT_SERVICE
        paid = Cause("Accepted" if truth == "True" else no, "Told.")
        status = job_status.mark(status, job, reasons.REPORTED, truth, paid, self.now)  # type: ignore[arg-type]  # a literal
        self._written(job, "S" if truth == "True" or not link.configured else "L")
        if truth == "True":
            status = replace(status, receipt=None)  # as the operator's own record drops it
        self._store_job(replace(job, status=status, resource_version=self._next()))

    def _report_settled(self, action: act.ReportSettled) -> None:
        job = self._current(action.job, action.uid, action.resource_version)
        receipt = job.status.receipt
        assert receipt is not None
        self._hand_in(job.uid, receipt)
        self._written(job, "R")
        status = job_status.mark(job.status, job, reasons.REPORTED, "True", Cause("Accepted", "Told."), self.now)
        self._store_job(replace(job, status=replace(status, receipt=None), resource_version=self._next()))

    @property
    def _payout_answers(self) -> bool:
        return self.snapshot.payout.configured and self.snapshot.payout.unreachable_since is None

    def _hand_in(self, uid: str, receipt: str) -> None:
        """Report a receipt, or fail: it may have been planned long before the payout service went away."""
        if not self._payout_answers:
            raise ConflictError
        self._book(uid, receipt)

    def _book(self, uid: str, receipt: str) -> None:
        """What the payout service does with a receipt: the first one of a job that claims payment is paid."""
        earlier = self.ledger[uid]
        if receipt in earlier:
            return
        paid = [claims_of(each) for each in earlier]
        claims = claims_of(receipt)
        earlier.append(receipt)
        if claims is not None and not any(each is not None and int(each.cost) for each in paid):
            self.accounts[claims.namespace] = self.accounts.get(claims.namespace, 0) - int(claims.cost)

    def account_read(self, namespace: str) -> None:
        """The operator reads an account."""
        self.has(Credit(namespace, NanoTon(self.accounts[namespace]), self.now))

    def _written(self, job: Job, letter: str) -> None:
        self.writes[job.uid].append(letter)

    def _push(self, action: act.PushJob) -> None:
        known = self._view(action.server_uid)
        attempt = f"{action.uid}/{action.attempt}"
        held = known.attempts.get(attempt, Attempt(action.uid, action.attempt, Usage(), self.now))
        if any(f"{event.uid}/{event.attempt}" == attempt for event in known.finished):
            return
        self._change_view(action.server_uid, attempts={**known.attempts, attempt: held}, idle_since=None)

    def _cancel(self, action: act.CancelAttempt) -> None:
        known, attempt = self._view(action.server_uid), f"{action.uid}/{action.attempt}"
        if attempt in known.attempts:
            self.finish(action.server_uid, attempt, "Cancelled" if action.final else "Interrupted", action.reason)

    def _attest(self, action: act.AttestServer) -> None:
        server = self.servers.get(action.server)
        if server is None:
            raise ConflictError
        old = self.snapshot.attestations.get(server.uid)
        failures = old.failures if old is not None else 0
        verdict = None if server.uid in self.unreachable else self.verdict(server)
        failed = verdict is None or not verdict.trusted
        failures = failures + 1 if failed else 0
        kept = verdict or (old.verdict if old is not None else None)
        due = next_try(server.uid, self.now, verdict, failures, 3600)
        failure = "the runner does not answer" if verdict is None else ""
        self.snapshot.put(Attestation(server.uid, kept, due, failures, failure))

    def _create(self, action: act.CreateServer) -> None:
        provider, key = self.providers.get(action.provider), created_key(action)
        if provider is None or action.model not in provider.offers:
            raise ConflictError
        if key in self.servers:
            self.snapshot.put(self.servers[key])
            return
        self.pods += 1
        offer = provider.offers[action.model]
        self._store_server(
            Server(
                key=key,
                uid=Uid(f"pod-{self.pods}"),
                resource_version=self._next(),
                provider=action.provider,
                model=action.model,
                node=action.node,
                template=action.template,
                gpus=offer.gpus,
                gpu_resource=action.technology.gpu_resource,
                concurrency=offer.concurrency,
                created=self.now,
                deleting=False,
                running=False,
                isolated_for=action.isolated_for,
            )
        )

    def _set_condition(self, action: act.SetServerCondition) -> None:
        server = self.servers.get(action.server)
        if server is None or server.uid != action.uid:
            raise ConflictError
        field = "attested" if action.condition.type == ATTESTED_CONDITION else "retiring"
        condition: Condition = action.condition
        self._store_server(replace(server, resource_version=self._next(), **{field: condition}))

    def _set_finalizer(self, action: act.SetFinalizer) -> None:
        provider = self._provider(action.provider, action.resource_version)
        if provider.deleting and not action.present:
            del self.providers[provider.key]
            self.snapshot.drop(Provider, provider.key)
        else:
            self.has(replace(provider, finalized=action.present, resource_version=self._next()))

    # --- the store ---

    def _provider(self, key: Key, version: str) -> Provider:
        provider = self.providers.get(key)
        if provider is None or provider.resource_version != version:
            raise ConflictError
        return provider

    def _current(self, key: Key, uid: Uid, version: str) -> Job:
        job = self.jobs.get(key)
        if job is None or (job.uid, job.resource_version) != (uid, version):
            raise ConflictError
        return job

    def _view(self, uid: Uid) -> RunnerView:
        if uid in self.unreachable or uid not in self.views:
            raise ConflictError
        return self.views[uid]

    def _store_job(self, job: Job) -> None:
        self.jobs[job.key] = self.ever[job.uid] = job
        self.snapshot.put(job)

    def _store_server(self, server: Server) -> None:
        self.servers[server.key] = server
        self.snapshot.put(server)

    def _change_view(self, uid: Uid, **changes: Any) -> None:
        if uid in self.views:
            self.views[uid] = replace(self.views[uid], **changes)
            if uid not in self.unreachable:
                self._show(uid)

    def _show(self, uid: Uid) -> None:
        self.snapshot.put(replace(self.views[uid], last_contact=self.now))

    def _next(self) -> str:
        self._version += 1
        return str(self._version)

    def _trusts(self, server: Server) -> Verdict:  # every server is trusted for an hour
        return Verdict(trusted=True, trust=Trust.HARDWARE, not_after=self.now + 3600, evidence="evidence")


_NO_VIEW = RunnerView(Uid(""), "", 0.0)
