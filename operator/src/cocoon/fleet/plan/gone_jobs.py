"""What runners have of jobs that were deleted: it may still cost their namespaces something."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cocoon.api.money import NanoTon
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import RunnerView, Uid
from cocoon.fleet.plan.usage import Usage


def count(usage: Usage, view: RunnerView, known: Collection[Uid]) -> bool:
    """Set aside what a runner's receipts of gone jobs cost; whether this ends a doubt about whose money work takes."""
    doubted = usage.in_doubt
    for event in view.finished:
        claims = claims_of(event.receipt) if event.uid not in known else None
        if claims is not None and int(claims.cost):
            usage.owe(claims.namespace, Uid(event.uid), NanoTon(int(claims.cost)))
    usage.works_for(view.server, {each.uid for each in view.attempts.values() if each.uid not in known})
    return doubted and not usage.in_doubt


def told_of(views: Iterable[RunnerView], known: Collection[Uid]) -> set[str]:
    """Gone jobs that runners work for or have receipts of."""
    told: set[str] = set()
    for view in views:
        told.update(event.uid for event in view.finished if event.uid not in known)
        told.update(each.uid for each in view.attempts.values() if each.uid not in known)
    return told
