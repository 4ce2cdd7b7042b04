"""What operators tell of owners, and ask of their earnings."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cocoon.api.payout import EarningsPage, OwnerTermsList
from cocoon.payout.http.edge import NamePath, NameQuery, Part, Reporter, answer, body_of, described, own_cluster

ROUTES = APIRouter(prefix="/v1/owners")


@ROUTES.put("/{cluster}/terms", **described(OwnerTermsList, {200: OwnerTermsList}))
async def put_terms(cluster: NamePath, request: Request, service: Part, caller: Reporter) -> Response:
    """How providers want to be paid; the answer is what holds of it, within this service's rules."""
    own_cluster(caller, cluster)
    told = await body_of(request, OwnerTermsList)
    return answer(OwnerTermsList(await service.owners.tell(cluster, told.terms)))


@ROUTES.get("/{cluster}/earnings", **described(None, {200: EarningsPage}))
async def get_earnings(cluster: NamePath, service: Part, caller: Reporter, cursor: NameQuery = "") -> Response:
    """What changed since the cursor was given out, and why nothing is sent now if that is so."""
    own_cluster(caller, cluster)
    return answer(await service.owners.earnings(cluster, cursor))
