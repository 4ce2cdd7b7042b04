"""Every reason that holds a job back, or ends it, has a line that says what to do."""

from __future__ import annotations

import pytest

from cocoon.cli.advice import OF_WAITING, advice
from cocoon.cli.sight import World, read_job
from cocoon.cli.why import explain
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.remedies import REMEDIES
from tests.scenario import builders
from tests.unit.docs.codes import constants, given_to
from tests.unit.docs.pages import ROOT, rows

CONDITIONS = ROOT / "docs/reference/conditions.md"
#: They tell of no trouble, or of no job that anybody could ask about.
NO_TROUBLE = {reasons.RUNNING, reasons.COMPLETED, reasons.JOB_DELETED}
#: Items of a job end so, not the job.
OF_ITEMS = {"ModelError"}
OF_JOBS = {
    reason
    for heading in ("Why a job waits", "How a job goes and ends", "Why an attempt ended")
    for reason in rows(CONDITIONS, heading)
}


def test_every_reason_has_its_line_and_every_line_a_reason() -> None:
    """The page's tables are complete: tests/unit/docs/test_codes.py holds them to the sources."""
    assert OF_WAITING.keys() | REMEDIES.keys() == OF_JOBS - NO_TROUBLE - OF_ITEMS | {"InvalidSpec"}
    assert OF_WAITING.keys() & REMEDIES.keys() == {reasons.SUSPENDED, "Cancelled"}


def test_what_runners_and_the_plan_give_is_among_them() -> None:
    given = constants("runner/endings.py") | given_to("fleet/observe/job.py", "Flaw")
    assert given <= OF_WAITING.keys() | REMEDIES.keys()
    assert {reasons.NO_KEYRING, "KeyringUnavailable"} <= OF_WAITING.keys()
    assert "SealedToLostKey" in REMEDIES


@pytest.mark.parametrize(
    ("reason", "over"), [*((each, False) for each in OF_WAITING), *((each, True) for each in REMEDIES)]
)
def test_a_line_is_a_sentence_that_why_shows(reason: str, *, over: bool) -> None:
    assert advice(reason, over=over).endswith(".")
    at = "2026-01-01T00:00:00Z"
    condition = {"type": "Succeeded" if over else "Bound", "status": "False", "reason": reason, "message": "m."}
    status = {"state": "Failed" if over else "Pending", "conditions": [condition | {"lastTransitionTime": at}]}
    body = builders.job("j1", "minilm") | {"status": status | ({"completionTime": at} if over else {})}
    assert explain(read_job(body), World(), 0.0).advice == advice(reason, over=over)


def test_a_job_that_is_over_is_not_told_to_wait() -> None:
    assert "patch" in advice(reasons.SUSPENDED, over=False)
    assert "patch" not in advice(reasons.SUSPENDED, over=True)
    assert "tried again" not in advice("Cancelled", over=True)
