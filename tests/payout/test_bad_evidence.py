"""Evidence that must not count."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs

from cocoon.api.trust import Trust
from cocoon.attest import bundle
from cocoon.payout.evidence.register import examine
from cocoon.payout.refusal import Refusal
from cocoon.payout.terms import Terms
from tests.payout import kit
from tests.payout.kit import Clock, Server, World


async def test_of_another_key_than_in_the_path(lite: World) -> None:
    one, two = Server(lite.clock), Server(lite.clock)
    answer = await lite.operator.call("PUT", f"/v1/servers/{one.key}/evidence", await two.evidence())
    assert answer.refusal == (422, "WrongKey", "keys.receipt")


async def test_with_another_wallet_put_in(lite: World) -> None:
    server = Server(lite.clock)
    genuine = bundle.decode(await server.evidence())
    forged = bundle.encode(structs.replace(genuine, payee=kit.wallet(66)))
    answer = await lite.operator.call("PUT", f"/v1/servers/{server.key}/evidence", forged)
    assert answer.refusal == (422, "NotTrusted:BindingMismatch", "cpu")


async def test_that_expired(lite: World) -> None:
    server = Server(lite.clock)
    old = await server.evidence()
    lite.clock.time += 2 * 86_400
    answer = await lite.operator.call("PUT", f"/v1/servers/{server.key}/evidence", old)
    assert answer.refusal == (422, "NotTrusted:Expired", "cpu")


async def test_of_a_key_that_has_evidence_of_another_tee(lite: World) -> None:
    server = await lite.server()
    server.payee = kit.wallet(2)
    assert (await lite.operator.register(server)).refusal == (409, "KeyReused", "keys.receipt")


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
async def test_that_is_none(lite: World, body: bytes) -> None:
    answer = await lite.operator.call("PUT", "/v1/servers/key/evidence", body)
    assert answer.refusal == (422, "MalformedEvidence", "")


@pytest.mark.parametrize(
    ("payee", "code"),
    [
        (kit.wallet()[:-1] + "x", "WrongChecksum"),
        ("UQshort", "WrongLength"),
        (kit.wallet(workchain=-1), "WrongWorkchain"),
        (f"7:{'0' * 64}", "WrongWorkchain"),
        (kit.wallet(test_only=True), "WrongNetwork"),
    ],
)
async def test_with_a_wallet_that_can_t_be_paid(payee: str, code: str) -> None:
    server = Server(Clock(), payee)
    terms = Terms(trust=Trust.TEST, require_gpu=False)
    found = examine(server.key, await server.evidence(), terms, kit.NOW)
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == (code, "payee")


async def test_of_a_test_root_where_hardware_is_asked_for() -> None:
    server = Server(Clock())
    found = examine(server.key, await server.evidence(), Terms(require_gpu=False), kit.NOW)
    assert isinstance(found, Refusal)
    assert found.code == "NotTrusted:TestRootRefused,TrustTooLow"


async def test_a_hundred_attestations_keep_one_window(lite: World) -> None:
    server = await lite.server()
    for _ in range(5):
        lite.clock.time += 3_600
        answer = await lite.operator.register(server)
    assert answer.body["opens"] == kit.NOW - lite.service.terms.late_evidence
    assert answer.body["closes"] == lite.clock.time + lite.service.terms.evidence_age
    stored: Any = msgspec.json.decode((await lite.operator.call("GET", f"/v1/evidence/{server.digest}")).raw)
    assert stored == msgspec.json.decode(await server.evidence())
