"""Reading what runners tell Prometheus."""

from __future__ import annotations

from pathlib import Path

from demo import runner_metrics
from demo.kubectl import Kubectl

TEXT = """# TYPE cocoon_runner_items_total counter
cocoon_runner_items_total{model="minilm",result="answered"} 120.0
cocoon_runner_items_total{model="minilm",result="failed"} 3.0
cocoon_runner_items_total_created{model="minilm"} 1.7e+09
cocoon_runner_items_in_flight{model="minilm"} 8.0
"""


class Scraped(Kubectl):
    """Answers any raw call with one text."""

    def raw(self, path: str) -> str | None:
        return TEXT if "/pods/here:9090/proxy/metrics" in path else None


KUBECTL = Scraped(Path("kubectl"), Path("config"), "n")


def test_a_metric_is_added_up_over_its_labels() -> None:
    assert runner_metrics.total(KUBECTL, "here", runner_metrics.ANSWERED) == 123
    assert runner_metrics.total(KUBECTL, "here", runner_metrics.IN_FLIGHT) == 8


def test_a_runner_that_does_not_answer_counts_nothing() -> None:
    assert runner_metrics.total(KUBECTL, "gone", runner_metrics.ANSWERED) == 0
