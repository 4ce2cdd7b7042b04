"""The table of a benchmark's figures."""

from __future__ import annotations

from tests.bench.report import Row, table


def test_each_figure_is_set_against_its_target() -> None:
    rows = [Row("jobs", 500, ""), Row.at_least("rate", 150, "jobs/s", 100), Row.at_most("wait", 3.0, "s", 2)]
    assert [line.split() for line in table(rows).splitlines()] == [
        ["jobs", "500"],
        ["rate", "150", "jobs/s", "≥", "100", "1.5", "times", "met"],
        ["wait", "3", "s", "≤", "2", "1.5", "times", "MISSED"],
    ]


def test_a_target_of_nothing_has_no_ratio() -> None:
    assert table([Row.at_most("lost", 0, "jobs", 0)]).split() == ["lost", "0", "jobs", "≤", "0", "met"]
