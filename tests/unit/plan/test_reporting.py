"""What a runner may forget: each receipt is looked for where it must be, not where one like it is."""

from __future__ import annotations

from msgspec.structs import replace

from cocoon.api.money import Price
from cocoon.fleet.plan import job_status, reasons
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import Job, PayoutLink, Server
from cocoon.fleet.plan.reporting import forgettable
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan.builders import START, finished, job, provider, server, view


def _paid(of: Job, on: Server) -> Job:
    """The job, ended by its first attempt's receipt, which the payout service has taken."""
    event = finished(of)
    claims = claims_of(event.receipt)
    assert claims is not None
    bound = replace(of, status=job_status.bind(of, on, provider(), Price(per_million_items="1"), START))
    ended = job_status.settle(bound, claims, event.receipt, Cause(reasons.COMPLETED, "Done."), START, output=None)
    taken = job_status.mark(ended, bound, reasons.REPORTED, "True", Cause("Accepted", "It was taken."), START)
    return replace(bound, status=taken)


def test_a_status_is_where_the_receipt_of_its_own_server_is_and_of_no_other() -> None:
    """A cluster that was restored from a backup has bound the same attempt twice; both servers have a receipt of it."""
    one, other = server("s1"), server("s2")
    done = _paid(job(budget=5), one)
    snapshot = Snapshot()
    for record in (PayoutLink(configured=True), one, other, done):
        snapshot.put(record)
    event = finished(done)
    assert forgettable(snapshot, one, view(one, finished=(event,))) == event.number
    assert forgettable(snapshot, other, view(other, finished=(event,))) == 0
    assert forgettable(snapshot, one, view(one, finished=(finished(done, attempt=2),))) == 0
