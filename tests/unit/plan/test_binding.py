"""Which waiting job gets which server."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from cocoon.api.job import ProviderReference
from cocoon.api.money import Price, Usage
from cocoon.api.provider import AllowedNamespaces
from cocoon.api.runner import ModelState
from cocoon.api.selectors import LabelSelector
from cocoon.api.trust import Trust
from cocoon.fleet.plan import job_status
from cocoon.fleet.plan.actions import WriteJobStatus
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import Attempt, Credit, Job, Namespace, PayoutLink, Provider, Record, Server
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan.builders import START, attestation, finished, job, node, offer, provider, server, untrusted, view


def at_work(*servers: Server) -> list[Record]:
    """Servers that are attested, with their model ready."""
    return [record for each in servers for record in (each, attestation(each), view(each))]


def binds(*records: Record) -> dict[str, str]:
    """Server by job, of all binds that are planned at first sight."""
    snapshot = Snapshot()
    for record in (node(), *records):
        snapshot.put(record)
    found = {}
    for action in plan(snapshot, START + 1).actions:
        if isinstance(action, WriteJobStatus) and action.purpose == "Bind" and action.status.binding is not None:
            found[action.job.split("/")[1]] = action.status.binding.server.split("/")[1]
    return found


def test_the_cheapest_offer_wins() -> None:
    dear = provider("dear", offer(price=Price(per_million_items="9")))
    cheap = provider("cheap", offer(price=Price(per_million_items="8")))
    servers = at_work(server("s1", provider=dear.key), server("s2", provider=cheap.key))
    assert binds(dear, cheap, *servers, job()) == {"j1": "s2"}


def test_at_the_same_price_the_least_loaded_server_wins() -> None:
    jobs = [job(f"j{number}", parallelism=3) for number in range(4)]
    assert sorted(binds(provider(), *at_work(server("s1"), server("s2")), *jobs).values()) == ["s1", "s1", "s2", "s2"]


def test_at_the_same_price_the_least_loaded_server_of_all_providers_wins() -> None:
    one, two = server("s1"), server("s2", provider=provider("dc2").key)
    running = _bound(job("running", parallelism=3), one)
    assert binds(provider(), provider("dc2"), *at_work(one, two), running, job()) == {"j1": "s2"}


def test_priority_goes_before_age_and_age_before_the_rest() -> None:
    jobs = [
        job("young", parallelism=8, submitted=START + 2),
        job("old", parallelism=8, submitted=START + 1),
        job("urgent", parallelism=8, submitted=START + 3, priority=1),
    ]
    assert binds(provider(), *at_work(server("s1")), *jobs) == {"urgent": "s1"}
    assert binds(provider(), *at_work(server("s1")), *jobs[:2]) == {"old": "s1"}


def test_a_large_head_keeps_a_server_for_itself() -> None:
    """Small jobs behind it get the slots of the other server, and not those that it waits for."""
    one, two = server("s1"), server("s2")
    running = [_bound(job("a", parallelism=2), one), _bound(job("b", parallelism=1), two)]
    waiting = [job("large", parallelism=8, priority=1), *(job(f"small{number}", parallelism=4) for number in range(4))]
    found = binds(provider(), *at_work(one, two), *running, *waiting)
    assert found == {"small0": "s1"}


def _bound(of: Job, on: Server) -> Job:
    return replace(of, status=job_status.bind(of, on, provider(), Price(per_million_items="1"), START))


def test_slots_are_free_when_the_work_ends_not_when_it_is_written() -> None:
    one = server("s1")
    done = _bound(job("done", parallelism=8), one)
    seen = view(one, finished=(finished(done),))
    assert binds(provider(), one, attestation(one), seen, done, job("next", parallelism=8)) == {"next": "s1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "other"},
        {"model_sha256": "cd" * 32},
        {"maximum_price": Price(per_million_items="999999")},
        {"maximum_price": Price(per_million_prompt_tokens="9", per_million_completion_tokens="9")},
        {"parallelism": 9},
        {"providers": (ProviderReference("dc1"),)},
        {"suspended": True},
        {"deleting": True},
        {"deadline": START},
    ],
)
def test_a_job_that_no_server_may_take_is_not_bound(changes: dict[str, Any]) -> None:
    assert binds(provider(), *at_work(server()), job(**changes)) == {}


def test_a_job_finds_its_provider_by_name_and_namespace() -> None:
    allowed = (ProviderReference("dc1", "fleet"),)
    assert binds(provider(), *at_work(server()), job(providers=allowed)) == {"j1": "s1"}


@pytest.mark.parametrize(
    ("origin", "labels", "bound"),
    [("Same", {}, False), ("All", {}, True), ("Selector", {"team": "ml"}, True), ("Selector", {"team": "hr"}, False)],
)
def test_allowed_namespaces(origin: Any, labels: dict[str, str], bound: bool) -> None:
    allowed = AllowedNamespaces(origin=origin, selector=LabelSelector(match_labels={"team": "ml"}))
    records = [provider(allowed_namespaces=allowed), *at_work(server()), Namespace("team", labels), job()]
    assert bool(binds(*records)) is bound


def test_only_a_fresh_verdict_that_is_good_enough_counts() -> None:
    one = server()
    for known in (
        attestation(one, verdict=untrusted()),
        attestation(one, now=START - 7200),
        attestation(one, verdict=None),
        attestation(one, boot="another"),
    ):
        assert binds(provider(), one, known, view(one), job()) == {}
    weak = provider(trust=Trust.TEST)
    assert binds(weak, *at_work(one), job()) == {}
    assert binds(weak, *at_work(one), job(minimum_trust=Trust.TEST)) == {"j1": "s1"}


@pytest.mark.parametrize(
    "changes",
    [{"models": ()}, {"unreachable_since": START}, {"models": (ModelState("minilm", "cd" * 32, "Ready"),)}],
)
def test_a_server_that_can_not_work_gets_nothing(changes: dict[str, Any]) -> None:
    one = server()
    assert binds(provider(), one, attestation(one), view(one, **changes), job()) == {}


@pytest.mark.parametrize("changes", [{"operation": "Hold"}, {"operation": "Drain"}, {"deleting": True}])
def test_a_provider_that_does_not_serve_gets_nothing(changes: dict[str, Any]) -> None:
    assert binds(provider(**changes), *at_work(server()), job()) == {}


def test_an_isolated_server_serves_its_namespace_only() -> None:
    isolated: Provider = provider("dc1", offer(isolation="PerNamespace"))
    mine = at_work(server(isolated_for="team"))
    assert binds(isolated, *mine, job(), job("j2", namespace="others")) == {"j1": "s1"}


def test_budgets_are_covered_by_the_account() -> None:
    paid, account = PayoutLink(configured=True), Credit("team", 10, START)  # type: ignore[arg-type]  # nanoTON
    jobs = [job("a", budget=6), job("b", budget=6, submitted=START + 1)]
    assert binds(provider(), *at_work(server()), paid, account, *jobs) == {"a": "s1"}
    assert binds(provider(), *at_work(server()), paid, *jobs) == {}
    assert binds(provider(), *at_work(server()), paid, account, job("none")) == {}


def test_what_a_runner_has_of_a_deleted_job_is_set_aside_after_a_restart() -> None:
    """Its receipt until it is forgotten and the account was read after that; its work until it is known whose it is."""
    paid, account = PayoutLink(configured=True), Credit("team", 10, START)  # type: ignore[arg-type]  # nanoTON
    one, gone = server(), job("gone", budget=6)
    event = finished(gone)
    cost = int(claims_of(event.receipt).cost)  # type: ignore[union-attr]  # it is a receipt
    assert cost > 0
    mine, others = job("mine", budget=11 - cost), job("other", budget=1, namespace="others")
    other = Credit("others", 1, START)  # type: ignore[arg-type]  # nanoTON
    known = (provider(), one, attestation(one), paid, account, other)
    assert binds(*known, view(one, finished=(event,)), mine, others) == {"other": "s1"}
    running = {"gone/1": Attempt(gone.uid, 1, Usage())}
    assert binds(*known, view(one, attempts=running), mine, others) == {}
    assert binds(*known, view(one), mine, others).keys() == {"mine", "other"}


def test_a_deleted_jobs_budget_is_free_again_when_its_receipt_is_reported_and_the_account_read() -> None:
    one, gone = server(), job("gone", budget=6)
    gone = replace(gone, status=job_status.bind(gone, one, provider(), Price(per_million_items="1"), START))
    snapshot = Snapshot()
    snapshot.put(PayoutLink(configured=True))
    for record in (node(), provider(), one, gone, view(one, attempts={"gone/1": Attempt(gone.uid, 1, Usage())})):
        snapshot.put(record)
    snapshot.drop(Job, gone.key)

    def set_aside(at: float) -> int:
        snapshot.put(Credit("team", 10, at))  # type: ignore[arg-type]  # nanoTON
        return snapshot.usage.outstanding("team")

    assert [set_aside(at) for at in (1, 2, 3)] == [6, 6, 6]
    snapshot.put(view(one, finished=(finished(gone),)))
    assert [set_aside(at) for at in (11, 12, 13)] == [6, 6, 6]
    snapshot.put(view(one))
    assert [set_aside(at) for at in (21, 22)] == [
        6,
        0,
    ]  # the first reading may have begun before the receipt was booked
    assert not snapshot.usage.in_doubt
