"""What administrators do: credit clients, stop and start sending, try a payment, take over a drift."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cocoon.api.payout import ClientAccount, Credit, DriftReport, Pause, Pauses, PayTest, TestPayment
from cocoon.payout.http.edge import Administrator, NamePath, Part, answer, body_of, described
from cocoon.payout.pauses import first_stands

ROUTES = APIRouter(prefix="/v1")


@ROUTES.put("/clients/{cluster}/{namespace}/credit", **described(Credit, {200: ClientAccount, 201: ClientAccount}))
async def put_credit(
    cluster: NamePath, namespace: NamePath, request: Request, service: Part, _caller: Administrator
) -> Response:
    """Credit a client's account: once for each id, whatever the cluster."""
    account, new = await service.clients.credit(cluster, namespace, await body_of(request, Credit))
    return answer(account, 201 if new else 200)


@ROUTES.post("/pause", **described(Pause, {200: Pauses}, required=False))
async def post_pause(request: Request, service: Part, caller: Administrator) -> Response:
    """Stop sending. What is sent already is followed to its end. A pause in force stays as it is, with its reason."""
    given = await body_of(request, Pause, Pause())
    found = await service.pauses.pause(caller.name, given)
    return answer(Pauses(found, first_stands(found, given)))


@ROUTES.post("/resume", **described(Pause, {200: Pauses}, required=False))
async def post_resume(request: Request, service: Part, _caller: Administrator) -> Response:
    """Let sending go on."""
    return answer(Pauses(await service.pauses.resume(await body_of(request, Pause, Pause()))))


@ROUTES.post("/pay-test", **described(PayTest, {200: TestPayment, 201: TestPayment}))
async def post_pay_test(request: Request, service: Part, caller: Administrator) -> Response:
    """Send 0.01 TON to a wallet, once for each id; the same call again says how far it is."""
    found, new = await service.by_hand.pay_test(await body_of(request, PayTest), caller.name)
    return answer(found, 201 if new else 200)


@ROUTES.post("/drift", **described(DriftReport, {200: DriftReport, 201: DriftReport}))
async def post_drift(request: Request, service: Part, caller: Administrator) -> Response:
    """Take over what wallets and books differ by, once somebody knows why; paying goes on then."""
    given = await body_of(request, DriftReport)
    return answer(given, 201 if await service.by_hand.take_drift(given, caller.name) else 200)
