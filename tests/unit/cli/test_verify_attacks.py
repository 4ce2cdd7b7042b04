"""Every lie about a receipt is found by the line that is about it, and what can't be checked is not said to hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec import structs

from cocoon.api.money import Price, Usage
from cocoon.api.receipts import ReceiptModel
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.policy import Policy
from cocoon.cli.verifying.checks import Terms, check_all
from cocoon.cli.verifying.material import Material
from tests.unit.cli.receipted import ALLOWED, DONE, HOUR, Server, Story, open_lines, said, wallet, wrong

STORY = Story()
EVIDENCE = STORY.server.evidence()


def test_a_true_receipt_holds_in_every_line() -> None:
    report = STORY.check()
    assert {line.holds for line in report.lines} == {"yes"}, report
    assert (report.holds, report.trust, report.job) == ("yes", "Test", "tenant/letters")
    assert "1000 items at 2 TON a million = 0.002 TON, within the budget of 1 TON" in said(report, "arithmetic")
    assert "0.0001 the fee" in said(report, "ledger")
    assert "cd" * 32 in said(report, "chain")
    assert "trust: Test, which proves nothing" in said(report, "trust")
    assert all(line.said.endswith(".") for line in report.lines)


def by_another() -> str:
    return Server(2).sign(STORY.claims())


def altered(character: int) -> str:
    receipt = STORY.receipt
    return receipt[:character] + ("A" if receipt[character] != "A" else "B") + receipt[character + 1 :]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"receipt": by_another()}, {"signature"}),
        ({"receipt": STORY.server.sign(STORY.claims(iss="x" * 43, jti="x"))}, {"signature"}),
        ({"receipt": STORY.signed(iss="x" * 43)}, {"signature"}),
        ({"receipt": STORY.signed(jti=f"{'x' * 43}.2")}, {"signature"}),
        ({"receipt": STORY.signed(seq=0, prev="00" * 32), "neighbours": None}, {"place"}),
        ({"receipt": altered(-2)}, {"signature"}),
        ({"receipt": "eyJ.eyJ.eyJ"}, {"form"}),
        ({"receipt": ""}, {"form"}),
        ({"receipt": STORY.signed(started=-1)}, {"form"}),
        ({"receipt": STORY.signed(finished=1 << 60, iat=1 << 60)}, {"form"}),
        ({"evidence": Server(2).evidence()}, {"signature", "server"}),
        ({"evidence": EVIDENCE[:-1]}, {"evidence"}),
        ({"evidence": b"\x00garbage"}, {"evidence"}),
        ({"receipt": STORY.signed(evidence_sha256="ee" * 32)}, {"server"}),
        ({"receipt": STORY.signed(payee=wallet(9).friendly())}, {"server"}),
        ({"receipt": STORY.signed(trust=Trust.HARDWARE)}, {"trust"}),
        ({"receipt": STORY.signed(minimum_trust=Trust.HARDWARE)}, {"trust", "price"}),
    ],
)
def test_who_signed_it(changes: dict[str, Any], lines: set[str]) -> None:
    report = STORY.check(**changes)
    assert report.holds == "no"
    assert lines <= wrong(report), report


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (Policy(), "TestRootRefused"),
        (Policy(), "TrustTooLow"),
        (Policy(trust=Trust.TEST), "TestRootRefused"),
        (Policy(allow_test_roots=True), "TrustTooLow"),
        (structs.replace(ALLOWED, measurements=("another",)), "MeasurementUnknown"),
        (structs.replace(ALLOWED, require_gpu=True), "GpuEvidenceMissing"),
        (structs.replace(ALLOWED, role="keyring"), "RoleMismatch"),
    ],
)
def test_evidence_that_does_not_meet_the_clients_policy(policy: Policy, code: str) -> None:
    report = STORY.check(policy)
    assert wrong(report) == {"evidence"}
    assert open_lines(report) == {"trust"}
    assert report.trust == ""
    assert code in said(report, "evidence")


def test_a_refused_test_root_says_what_would_accept_it() -> None:
    assert "--allow-test-roots" in said(STORY.check(Policy()), "evidence")


@pytest.mark.parametrize(
    ("attested", "holds"),
    [
        (DONE - 25 * HOUR, "no"),  # it had expired when the job finished
        (DONE - 23 * HOUR, "yes"),
        (DONE + HOUR / 2, "yes"),  # attested again since: it vouches backwards
    ],
)
def test_evidence_is_judged_as_of_the_end_of_the_job(attested: float, holds: str) -> None:
    report = STORY.check(evidence=STORY.server.evidence(attested))
    assert report.holds == holds
    assert ("Expired" in said(report, "evidence")) == (holds == "no")


def test_newer_evidence_says_that_it_vouches_backwards() -> None:
    report = STORY.check(evidence=STORY.server.evidence(DONE + 10 * HOUR), now=DONE + 90 * 24 * HOUR)
    assert report.holds == "yes"
    assert "vouches backwards" in said(report, "evidence")


@given(place=some.integers(0, len(EVIDENCE) - 1), mask=some.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_no_changed_byte_of_evidence_passes(place: int, mask: int) -> None:
    changed = EVIDENCE[:place] + bytes([EVIDENCE[place] ^ mask]) + EVIDENCE[place + 1 :]
    assert STORY.check(evidence=changed).holds == "no" or says_the_same(changed)


def says_the_same(changed: bytes) -> bool:
    """base64 has bits that mean nothing."""
    return bundles.decode(changed) == bundles.decode(EVIDENCE)


@given(place=some.integers(0, len(STORY.receipt) - 1), mask=some.integers(1, 127))
@settings(max_examples=150, deadline=None)
def test_no_changed_character_of_a_receipt_passes(place: int, mask: int) -> None:
    receipt = STORY.receipt
    changed = receipt[:place] + chr(ord(receipt[place]) ^ mask) + receipt[place + 1 :]
    assert STORY.check(receipt=changed).holds == "no"


@pytest.mark.parametrize(
    ("claims", "lines"),
    [
        ({"sub": "cluster/another"}, {"job", "ledger"}),
        ({"name": "another"}, {"job", "ledger"}),
        ({"namespace": "another"}, {"job", "ledger"}),
        ({"spec_sha256": "00" * 32}, {"job"}),
        ({"model": ReceiptModel("another", "ab" * 32)}, {"job", "ledger"}),
        ({"outcome": "Failed"}, {"job", "ledger"}),
        ({"usage": Usage(items=2_000), "cost": "4000000"}, {"job", "ledger"}),
        ({"usage": Usage(items=2_000)}, {"job", "arithmetic", "ledger"}),
        ({"cost": "2000001"}, {"job", "arithmetic", "ledger"}),
        ({"cost": "many"}, {"job", "arithmetic", "price", "ledger"}),
        ({"price": Price(per_million_items="2x"), "outcome": "Interrupted", "cost": "0"}, {"arithmetic", "price"}),
        ({"price": Price(per_million_items="4000000000"), "cost": "4000000"}, {"price", "ledger"}),
        ({"price": Price(per_million_prompt_tokens="1"), "cost": "0"}, {"price", "ledger"}),
        ({"budget": "2000000000"}, {"price"}),
        ({"input_sha256": "00" * 32}, {"input"}),
        ({"output_sha256": "00" * 32}, {"answers"}),
        ({"started": DONE + 1}, {"arithmetic"}),
        ({"provider": "another"}, {"ledger"}),
        ({"attempt": 2}, {"ledger"}),
        ({"seq": 3}, {"signature", "place"}),
        ({"prev": "00" * 32}, {"place"}),
        ({"seq": 0, "prev": "00" * 32}, {"place"}),
    ],
)
def test_what_a_lying_server_could_sign(claims: dict[str, Any], lines: set[str]) -> None:
    report = STORY.check(receipt=STORY.signed(**claims))
    assert lines <= wrong(report), report
    assert report.holds == "no"


def job_with(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    job = Story().job
    change(job)
    return job


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (lambda job: job["spec"].update(parallelism=2), {"job"}),
        (lambda job: job["spec"]["input"].update(inline="{}\n"), {"job", "input"}),
        (lambda job: job["spec"].update(budget="1999999"), {"job", "price"}),
        (lambda job: job["spec"].update(maximumPrice={"perMillionItems": "1"}), {"job", "price"}),
        (lambda job: job["spec"].update(modelSHA256="cd" * 32), {"job"}),
        (lambda job: job["spec"].pop("minimumTrust"), {"job", "price"}),
        (lambda job: job["metadata"].update(uid="another"), {"job"}),
        (lambda job: job["status"].update(cost="1"), {"job"}),
        (lambda job: job["status"].update(usage={"items": 1}), {"job"}),
        (lambda job: job["status"]["output"].update(sha256="00" * 32), {"answers"}),
        (lambda job: job.update(spec=[]), {"job"}),
        (lambda job: job.update(spec={"model": "\ud800", "input": {}}), {"job"}),
    ],
)
def test_another_job(change: Callable[[dict[str, Any]], object], lines: set[str]) -> None:
    assert wrong(STORY.check(job=job_with(change))) >= lines


def test_what_may_change_while_it_runs_does_not_matter() -> None:
    assert STORY.check(job=job_with(lambda job: job["spec"].update(priority=5, suspend=True))).holds == "yes"


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"entry": STORY.entry(state="Superseded")}, {"ledger"}),
        ({"entry": STORY.entry(state="Interrupted")}, {"ledger"}),
        ({"entry": STORY.entry(cost="2000001")}, {"ledger"}),
        ({"entry": STORY.entry(fee="2000001")}, {"ledger"}),
        ({"entry": STORY.entry(payee=wallet(7).raw())}, {"ledger"}),
        ({"entry": STORY.entry(receipt=STORY.before)}, {"ledger"}),
        ({"answers": "00" * 32}, {"answers"}),
        ({"input": "00" * 32}, {"input"}),
        ({"neighbours": (STORY.before, STORY.before + "x")}, {"place"}),
        ({"neighbours": (STORY.after, STORY.signed(cost="1"))}, {"place"}),
        ({"neighbours": (by_another(),)}, {"place"}),
    ],
)
def test_books_answers_and_other_receipts_that_differ(changes: dict[str, Any], lines: set[str]) -> None:
    assert lines <= wrong(STORY.check(**changes))


@pytest.mark.parametrize(
    "transfers",
    [
        (),
        (STORY.transfer(state="sent", transaction=""),),
        (STORY.transfer(reserved=DONE - 1.0),),
        (STORY.transfer(payee=wallet(5).raw()),),
        (STORY.transfer(provider="another"),),
        (STORY.transfer(amount="1899999"),),
        (STORY.transfer(purpose="test"),),
        (STORY.transfer(state="bounced"),),
    ],
)
def test_what_is_not_paid_yet_is_not_said_to_be(transfers: tuple[Any, ...]) -> None:
    report = STORY.check(transfers=transfers)
    assert (open_lines(report), wrong(report)) == ({"chain"}, set())
    assert "the payout service at https://payout.example" in said(report, "chain")


@pytest.mark.parametrize(
    ("part", "lines", "option"),
    [
        ("evidence", {"signature", "server", "place", "evidence", "trust"}, "--evidence"),
        ("job", {"job", "price", "input"}, "--job"),
        ("entry", {"ledger", "chain"}, "--entry"),
        ("transfers", {"chain"}, "--transfers"),
        ("neighbours", {"place"}, "--neighbours"),
        ("answers", {"answers"}, "--answers"),
    ],
)
def test_what_is_missing_is_named_with_the_reason_and_the_way_to_it(part: str, lines: set[str], option: str) -> None:
    missing: dict[str, Any] = {part: None, "absent": {part: "Nobody answered."}}
    report = STORY.check(**missing)
    assert (open_lines(report), wrong(report)) == (lines, set())
    assert any(option in line.said and "Nobody answered." in line.said for line in report.lines)
    assert report.holds == ("unknown" if part == "evidence" else "yes")
    assert check_all(STORY.material(**{part: None}), Terms(ALLOWED, DONE + HOUR, strict=True)).holds == "unknown"


def test_the_input_of_an_attempt_that_failed_may_be_its_beginning() -> None:
    report = STORY.check(receipt=STORY.signed(outcome="Failed", input_sha256="00" * 32), entry=None, job=Story().job)
    assert "input" in open_lines(report)


def test_a_receipt_from_the_future() -> None:
    assert wrong(STORY.check(now=DONE - HOUR)) == {"arithmetic"}


@given(
    receipt=some.one_of(some.text(), some.binary().map(lambda raw: raw.decode(errors="surrogateescape"))),
    evidence=some.none() | some.binary(),
    neighbours=some.none() | some.tuples(some.text()),
    own=some.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_handed_in_raises(receipt: str, evidence: bytes | None, neighbours: Any, own: bool) -> None:
    material = Material(receipt=STORY.receipt if own else receipt, evidence=evidence, neighbours=neighbours)
    assert check_all(material, Terms(ALLOWED, DONE)).holds != "yes"
