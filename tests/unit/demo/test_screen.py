"""What a reader sees of checks and jobs."""

from __future__ import annotations

import io

from demo import table
from demo.checks import Checks
from demo.screen import Screen


def test_checks_are_shown_and_counted() -> None:
    stream = io.StringIO()
    checks = Checks(Screen(stream))
    checks.that("the sky is blue", holds=True)
    checks.none("nothing is wrong", ["a thing", "another"])
    assert (checks.passed, checks.failed) == (1, ["nothing is wrong"])
    assert "✓ the sky is blue" in stream.getvalue()
    assert "✗ nothing is wrong: a thing; another" in stream.getvalue()


def test_the_table_says_what_each_job_took() -> None:
    status = {
        "state": "Succeeded",
        "usage": {"items": 12, "promptTokens": 3, "completionTokens": 4},
        "cost": "120",
        "startTime": "2026-01-01T00:00:00Z",
        "completionTime": "2026-01-01T00:00:02.5Z",
    }
    job = {"metadata": {"name": "embeddings"}, "spec": {"model": "minilm"}, "status": status}
    head, row = table.render(table.HEAD, table.rows({"embeddings": job}, {"embeddings": True}))
    assert row.split() == ["embeddings", "minilm", "Succeeded", "12", "0", "7", "120", "2.5", "verified", "✓"]
    assert head.index("RECEIPT") == row.index("verified")
