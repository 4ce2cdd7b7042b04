"""Reading the books. Readers see their own cluster's rows, administrators all."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response

from cocoon.api.evidence import Bundle
from cocoon.api.payout import OwnerAccounts, TransferList, WorkEntry, WorkList
from cocoon.payout.http.edge import (
    LimitQuery,
    NamePath,
    NameQuery,
    Part,
    Reader,
    TimeQuery,
    answer,
    described,
    visible,
)
from cocoon.payout.overview import MOST_ROWS, Wanted
from cocoon.payout.statement import statement

ROUTES = APIRouter(prefix="/v1")


async def page(
    caller: Reader, provider: NameQuery = "", state: NameQuery = "", after: NameQuery = "", limit: LimitQuery = 100
) -> Wanted:
    """Which rows are wanted, as far as the caller may see them."""
    return Wanted(cluster=visible(caller), provider=provider, state=state, after=after, limit=limit)


Page = Annotated[Wanted, Depends(page)]


@ROUTES.get("/accounts", **described(None, {200: OwnerAccounts}))
async def get_accounts(service: Part, caller: Reader, after: NameQuery = "", limit: LimitQuery = 100) -> Response:
    """What owners are owed and were paid."""
    found = await service.overview.accounts(Wanted(cluster=visible(caller), after=after, limit=limit))
    last = f"payee:{found[-1].provider}/{found[-1].payee}" if len(found) == limit else ""
    return answer(OwnerAccounts(found, last))


@ROUTES.get("/accounts/{provider}", **described(None, {200: OwnerAccounts}))
async def get_account(provider: NamePath, service: Part, caller: Reader) -> Response:
    """What the payees of one provider are owed and were paid."""
    wanted = Wanted(cluster=visible(caller), provider=provider, limit=MOST_ROWS)
    return answer(OwnerAccounts(await service.overview.accounts(wanted)))


@ROUTES.get("/work", **described(None, {200: WorkList}))
async def get_work(
    service: Part, wanted: Page, namespace: NameQuery = "", since: TimeQuery = None, until: TimeQuery = None
) -> Response:
    """Receipts, by what became of them."""
    chosen = Wanted(
        cluster=wanted.cluster, provider=wanted.provider, namespace=namespace, state=wanted.state, since=since,
        until=until, after=wanted.after, limit=wanted.limit,
    )  # fmt: skip
    found = await service.overview.work(chosen)
    return answer(WorkList(found, found[-1].jti if len(found) == wanted.limit else ""))


@ROUTES.get("/transfers", **described(None, {200: TransferList}))
async def get_transfers(service: Part, wanted: Page) -> Response:
    """Payments on the chain."""
    found = await service.overview.transfers(wanted)
    return answer(TransferList(found, found[-1].id if len(found) == wanted.limit else ""))


@ROUTES.get("/statement.csv", **described(None, {200: "text/csv"}))
async def get_statement(
    service: Part, caller: Reader, provider: NameQuery = "", since: TimeQuery = None, until: TimeQuery = None
) -> Response:
    """One line for each day, provider and payee; amounts in nanoTON."""
    wanted = Wanted(cluster=visible(caller), provider=provider, since=since, until=until)
    return Response(await statement(service.store, wanted), media_type="text/csv")


@ROUTES.get("/receipts/{jti}", **described(None, {200: WorkEntry}))
async def get_receipt(jti: NamePath, service: Part, caller: Reader) -> Response:
    """One receipt, whole."""
    found = await service.overview.receipt(jti, visible(caller))
    if found is None:
        raise HTTPException(404, "There is no such receipt")
    return answer(found)


@ROUTES.get("/evidence/{sha256}", **described(None, {200: Bundle}))
async def get_evidence(sha256: NamePath, service: Part, _caller: Reader) -> Response:
    """The newest bundle of this digest, for whoever wants to verify it too."""
    found = await service.overview.evidence(sha256)
    if found is None:
        raise HTTPException(404, "There is no such evidence")
    return Response(found, media_type="application/json")
