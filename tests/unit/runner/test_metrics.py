"""What the runner's figures look like before anything happened."""

from __future__ import annotations

from cocoon.runner.metrics import Metrics


def test_a_models_counters_begin_at_zero_so_that_their_first_rise_is_seen() -> None:
    metrics = Metrics()
    metrics.know("minilm")
    shown = metrics.render().decode()
    for result in ("answered", "failed"):
        assert f'cocoon_runner_items_total{{model="minilm",result="{result}"}} 0.0' in shown
    assert 'cocoon_runner_triton_mismatched_requests_total{model="minilm"} 0.0' in shown
