"""Receipts that must not be paid: each is refused with the code and the field, and moves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from cocoon.api.money import Price, Usage
from cocoon.api.receipts import ReceiptModel
from cocoon.api.trust import Trust
from cocoon.attest import receipts
from cocoon.payout.settings import Settings
from tests.payout import kit
from tests.payout.kit import CLUSTER, NOW, TON, Server, World

Make = Callable[[Server], str]
DEAR = Price(per_million_items=str(10 * TON + 1))


def claiming(**changes: Any) -> Make:
    return lambda server: server.receipt(**changes)


def signed_by_another_key(server: Server) -> str:
    return receipts.sign(server.claims(), Ed25519PrivateKey.generate())


def with_usage_altered_after_signing(server: Server) -> str:
    honest, more = server.claims(), server.claims(usage=Usage(items=2_000))
    head, _, signature = receipts.sign(honest, server.signer).split(".")
    return f"{head}.{receipts.sign(more, server.signer).split('.')[1]}.{signature}"


REFUSED: dict[str, tuple[Make, tuple[int, str, str]]] = {
    "no JWS": (lambda _: "nonsense", (422, "InvalidReceipt", "receipt")),
    "wrong signature": (signed_by_another_key, (422, "InvalidReceipt", "receipt")),
    "altered usage": (with_usage_altered_after_signing, (422, "InvalidReceipt", "receipt")),
    "unknown key": (lambda server: Server(server.clock).receipt(), (422, "UnknownKey", "receipt.iss")),
    "another key's id": (claiming(jti="k" * 43 + ".0"), (422, "WrongId", "receipt.jti")),
    "cost above units times price": (claiming(cost="2000001"), (422, "WrongArithmetic", "receipt.cost")),
    "cost below units times price": (claiming(cost="1"), (422, "WrongArithmetic", "receipt.cost")),
    "cost that is no number": (claiming(cost="1e6"), (422, "WrongArithmetic", "receipt")),
    "negative usage": (claiming(usage=Usage(items=1_000, failed_items=-1)), (422, "WrongArithmetic", "receipt")),
    "price above the cap": (claiming(price=DEAR), (422, "PriceAboveCap", "receipt.price")),
    "price in another unit": (
        claiming(price=Price(per_million_prompt_tokens="1"), usage=Usage(prompt_tokens=5)),
        (422, "PriceAboveCap", "receipt.price"),
    ),
    "other payee": (claiming(payee=kit.wallet(9)), (422, "WrongPayee", "receipt.payee")),
    "trust upgraded": (claiming(trust=Trust.HARDWARE), (422, "WrongTrust", "receipt.trust")),
    "test trust for a job that asks for hardware": (
        claiming(minimum_trust=Trust.HARDWARE),
        (422, "TrustTooLow", "receipt.trust"),
    ),
    "a million million items": (
        claiming(usage=Usage(items=10**12), budget=str(10**18)),
        (422, "ImplausibleUsage", "receipt.usage.items"),
    ),
    "more than the budget": (claiming(budget="1000", cost="1000"), (422, "BudgetExceeded", "receipt.usage")),
    "no budget": (claiming(budget=""), (422, "NoBudget", "receipt.budget")),
    "from the future": (
        claiming(iat=int(NOW) + 3_600, finished=int(NOW) + 3_600),
        (422, "FromTheFuture", "receipt.iat"),
    ),
    "finished before it started": (claiming(started=int(NOW) + 5), (422, "WrongArithmetic", "receipt")),
    "finished before any evidence": (
        claiming(started=0, finished=int(NOW) - 86_402, iat=int(NOW)),
        (422, "EvidenceExpired", "receipt.finished"),
    ),
    "other evidence": (claiming(evidence_sha256="ee"), (422, "WrongEvidence", "receipt.evidence_sha256")),
    "another cluster's": (claiming(sub="other/job"), (422, "WrongCluster", "receipt.sub")),
    "a name with a slash": (claiming(namespace="a/b"), (422, "InvalidName", "receipt.namespace")),
    "a provider like a formula": (claiming(provider="=cmd()"), (422, "InvalidName", "receipt.provider")),
    "a name with NUL": (claiming(name="a\0"), (422, "InvalidName", "receipt.name")),
    "attempt 0": (claiming(attempt=0), (422, "InvalidNumber", "receipt.attempt")),
    "a sequence of 70 bits": (claiming(seq=2**63), (422, "InvalidNumber", "receipt.seq")),
    "a namespace without credit": (claiming(namespace="poor"), (402, "NotCovered", "receipt.namespace")),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_and_moves_nothing(lite: World, name: str) -> None:
    make, expected = REFUSED[name]
    await lite.administrator.credit()
    server = await lite.server()
    before = await lite.balances()
    receipt = make(server)
    job = "job" if "cluster" in name or receipt.count(".") != 2 else kit.job_of(receipt)
    assert (await lite.operator.hand_in(receipt, job=job)).refusal == expected
    assert await lite.balances() == before


async def test_one_of_another_job_than_in_the_path(lite: World) -> None:
    server = await lite.server()
    answer = await lite.operator.hand_in(server.receipt(), job="another")
    assert answer.refusal == (422, "WrongJob", "receipt.sub")


async def test_one_above_the_price_of_its_binding(lite: World) -> None:
    await lite.administrator.credit()
    server = await lite.server()
    receipt = server.receipt()
    bound = {"perMillionItems": str(2 * TON - 1)}
    assert (await lite.operator.hand_in(receipt, price=bound)).refusal == (422, "PriceAboveBinding", "receipt.price")
    assert (await lite.operator.hand_in(receipt, price={"perMillionItems": str(2 * TON)})).status == 201


async def test_two_receipts_of_one_name(lite: World) -> None:
    await lite.administrator.credit()
    server = await lite.server()
    claims = server.claims()
    other = structs.replace(claims, sub=f"{CLUSTER}/other")
    assert (await lite.operator.hand_in(receipts.sign(claims, server.signer))).status == 201
    answer = await lite.operator.hand_in(receipts.sign(other, server.signer))
    assert answer.refusal == (409, "IdReused", "receipt.jti")


async def test_evidence_that_expired_before_the_job_finished(lite: World) -> None:
    await lite.administrator.credit()
    server = await lite.server()
    lite.clock.time = NOW + lite.service.terms.evidence_age
    receipt = server.receipt()
    assert (await lite.operator.hand_in(receipt)).refusal == (422, "EvidenceExpired", "receipt.finished")
    await lite.operator.register(server)
    assert (await lite.operator.hand_in(receipt)).status == 201


async def test_one_that_finished_in_time_and_is_handed_in_late(lite: World) -> None:
    await lite.administrator.credit()
    server = await lite.server()
    receipt = server.receipt()
    lite.clock.time = NOW + 10 * 86_400
    assert (await lite.operator.hand_in(receipt)).status == 201


async def test_a_model_that_the_payer_does_not_pay_for(tmp_path: Any) -> None:
    caps = {"minilm": Price(per_million_items=str(2 * TON))}

    def change(settings: Settings) -> Settings:
        return structs.replace(settings, policy=kit.policy(price_caps=caps))

    async with kit.world(tmp_path, f"sqlite:///{tmp_path}/books.sqlite", change=change) as world:
        await world.administrator.credit()
        server = await world.server()
        assert (await world.operator.hand_in(server.receipt())).status == 201
        answer = await world.operator.hand_in(server.receipt(model=ReceiptModel("other", "00")))
        assert answer.refusal == (422, "ModelNotPaid", "receipt.model.name")


async def test_daily_caps_hold_back_until_the_next_day(tmp_path: Any) -> None:
    def change(settings: Settings) -> Settings:
        caps = kit.policy(daily_cap=str(10_000_000), daily_cap_per_provider=str(4_000_000))
        return structs.replace(settings, policy=caps)

    async with kit.world(tmp_path, f"sqlite:///{tmp_path}/books.sqlite", change=change) as world:
        await world.administrator.credit()
        server = await world.server()
        own = [server.receipt() for _ in range(3)]
        answers = await world.operator.bulk(own)
        assert [each["status"] for each in answers] == [201, 201, 429]
        others = [server.receipt(provider=f"p{number}") for number in range(4)]
        answers = await world.operator.bulk(others)
        assert [each["status"] for each in answers] == [201, 201, 201, 429]
        assert answers[3]["problem"]["code"] == "DailyCapReached"
        world.clock.time += 86_400
        assert (await world.operator.hand_in(own[2])).status == 201


async def test_a_provider_that_feeds_itself_jobs_gets_no_more_than_its_own_client_paid(lite: World) -> None:
    """Whoever owns both sides pays the fee to get its own money back; without credit there is nothing to get."""
    await lite.administrator.credit(5_000_000, namespace="own")
    server = await lite.server()
    answers = await lite.operator.bulk([server.receipt(namespace="own") for _ in range(5)])
    assert [each["status"] for each in answers] == [201, 201, 402, 402, 402]
    assert answers[2]["problem"]["code"] == "NotCovered"
    balances = await lite.balances()
    owed = sum(balance for name, balance in balances.items() if name.startswith("payee:"))
    assert (owed, balances["fees"]) == (4_000_000 - 200_000, 200_000)
