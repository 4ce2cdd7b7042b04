"""Every reason that holds a job back, or ends it, has a line that says what to do."""

from __future__ import annotations

import pytest

from cocoon.cli.advice import OF_FAILURE, OF_WAITING, advice
from cocoon.cli.sight import World, read_job
from cocoon.cli.why import explain
from cocoon.fleet.plan import reasons
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
    assert OF_WAITING.keys() | OF_FAILURE.keys() == OF_JOBS - NO_TROUBLE - OF_ITEMS | {"InvalidSpec"}
    assert not OF_WAITING.keys() & OF_FAILURE.keys()


def test_what_runners_and_the_plan_give_is_among_them() -> None:
    given = constants("runner/endings.py") | given_to("fleet/observe/job.py", "Flaw")
    assert given <= OF_WAITING.keys() | OF_FAILURE.keys()
    assert {reasons.NO_KEYRING, "KeyringUnavailable"} <= OF_WAITING.keys()
    assert "SealedToLostKey" in OF_FAILURE


@pytest.mark.parametrize("reason", sorted(OF_WAITING.keys() | OF_FAILURE.keys()))
def test_a_line_is_a_sentence_that_why_shows(reason: str) -> None:
    assert advice(reason).endswith(".")
    over, at = reason in OF_FAILURE, "2026-01-01T00:00:00Z"
    condition = {"type": "Succeeded" if over else "Bound", "status": "False", "reason": reason, "message": "m."}
    status = {"state": "Failed" if over else "Pending", "conditions": [condition | {"lastTransitionTime": at}]}
    body = builders.job("j1", "minilm") | {"status": status | ({"completionTime": at} if over else {})}
    assert explain(read_job(body), World(), 0.0).advice == advice(reason)
