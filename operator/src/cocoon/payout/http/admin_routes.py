"""What administrators do: credit clients, stop and start sending."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cocoon.api.payout import ClientAccount, Credit, Pause, Pauses
from cocoon.payout.http.edge import Administrator, NamePath, Part, answer, body_of, described

ROUTES = APIRouter(prefix="/v1")


@ROUTES.put("/clients/{cluster}/{namespace}/credit", **described(Credit, {200: ClientAccount, 201: ClientAccount}))
async def put_credit(
    cluster: NamePath, namespace: NamePath, request: Request, service: Part, _caller: Administrator
) -> Response:
    """Credit a client's account: once for each id, whatever the cluster."""
    account, new = await service.clients.credit(cluster, namespace, await body_of(request, Credit))
    return answer(account, 201 if new else 200)


@ROUTES.post("/pause", **described(Pause, {200: Pauses}))
async def post_pause(request: Request, service: Part, caller: Administrator) -> Response:
    """Stop sending. What is sent already is followed to its end."""
    by = f"{caller.cluster}/{caller.subject}"
    return answer(Pauses(await service.pauses.pause(by, await body_of(request, Pause))))


@ROUTES.post("/resume", **described(Pause, {200: Pauses}))
async def post_resume(request: Request, service: Part, _caller: Administrator) -> Response:
    """Let sending go on."""
    return answer(Pauses(await service.pauses.resume(await body_of(request, Pause))))
