"""Handing in evidence and receipts."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cocoon.api.evidence import Bundle
from cocoon.api.payout import BulkAnswer, BulkItem, BulkReport, ClientAccounts, Registered, WorkAnswer, WorkReport
from cocoon.payout.http.edge import NamePath, Part, Reporter, answer, body_of, described, own_cluster
from cocoon.payout.refusal import Refusal, Refused
from cocoon.payout.work.case import Submission
from cocoon.payout.work.intake import Outcome

ROUTES = APIRouter(prefix="/v1")


@ROUTES.put("/servers/{key}/evidence", **described(Bundle, {200: Registered}))
async def put_evidence(key: NamePath, request: Request, service: Part, _caller: Reporter) -> Response:
    """Register the bundle of one attestation of the server with this receipt key."""
    try:
        registered = await service.register.take(key, await request.body())
    except Refused as refused:
        service.metrics.evidence.labels("Refused").inc()
        raise refused from None
    service.metrics.evidence.labels("Registered").inc()
    return answer(registered)


@ROUTES.put("/work/{cluster}/{job}", **described(WorkReport, {200: WorkAnswer, 201: WorkAnswer, 409: WorkAnswer}))
async def put_work(cluster: NamePath, job: NamePath, request: Request, service: Part, caller: Reporter) -> Response:
    """Hand in one receipt: 201 new, 200 the same again, 409 kept as superseded, for another one was accepted."""
    own_cluster(caller, cluster)
    report = await body_of(request, WorkReport)
    outcome = (await service.intake.take([Submission(report.receipt, cluster, job, report.price)]))[0]
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return answer(outcome.answer, _status(outcome))


@ROUTES.post("/work/{cluster}", **described(BulkReport, {200: BulkAnswer}))
async def post_work(cluster: NamePath, request: Request, service: Part, caller: Reporter) -> Response:
    """Hand in many receipts: each is taken or refused for itself."""
    own_cluster(caller, cluster)
    report = await body_of(request, BulkReport)
    submissions = [Submission(each.receipt, cluster, "", each.price) for each in report.receipts]
    outcomes = await service.intake.take(submissions)
    return answer(BulkAnswer(tuple(_item(outcome) for outcome in outcomes)))


@ROUTES.get("/clients/{cluster}", **described(None, {200: ClientAccounts}))
async def get_clients(cluster: NamePath, service: Part, caller: Reporter) -> Response:
    """What the namespaces of a cluster may still spend."""
    own_cluster(caller, cluster)
    return answer(ClientAccounts(await service.clients.of(cluster)))


def _status(outcome: Outcome) -> int:
    if isinstance(outcome, Refusal):
        return outcome.status
    if outcome.answer.state == "Superseded":
        return 409
    return 201 if outcome.new else 200


def _item(outcome: Outcome) -> BulkItem:
    if isinstance(outcome, Refusal):
        return BulkItem(outcome.status, problem=outcome.problem())
    return BulkItem(_status(outcome), answer=outcome.answer)
