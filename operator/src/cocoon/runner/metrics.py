"""The runner's Prometheus metrics. Labels are bounded: models are few, outcomes and codes are constants."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One registry per runner, so that tests can have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.items = self._counter(
            "items", "Items answered, by model and result (answered or failed).", "model", "result"
        )
        self.tokens = self._counter("tokens", "Tokens counted by the runner, by model and kind.", "model", "kind")
        self.attempts = self._counter("attempts", "Attempts that ended, by outcome and code.", "outcome", "code")
        self.mismatch = self._counter(
            "triton_mismatched_requests", "Requests by which Triton's own count differs from the runner's.", "model"
        )
        self.recoveries = self._counter("triton_recoveries", "Models loaded again after they were lost.", "model")
        self.journal_damaged = self._counter("journal_damaged_records", "Damaged records found in the journal.")
        self.running = self._gauge("attempts_running", "Attempts held and not finished.")
        self.in_flight = self._gauge("items_in_flight", "Items at Triton now.", "model")
        self.unacknowledged = self._gauge("receipts_unacknowledged", "Receipts that the operator does not have yet.")
        self.ready = self._gauge("model_ready", "1 while the model is ready.", "model")
        self.load = Histogram(
            "cocoon_runner_model_load_seconds",
            "From the start of the fetch until Triton calls the model ready.",
            ["model"],
            registry=self.registry,
            buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900),
        )

    def know(self, model: str) -> None:
        """Show a model's counters from 0 on: what Prometheus first sees at 1 never rose, as far as it can tell."""
        for result in ("answered", "failed"):
            self.items.labels(model, result)
        self.mismatch.labels(model)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"cocoon_runner_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"cocoon_runner_{name}", text, labels, registry=self.registry)

    def render(self) -> bytes:
        """The text format."""
        return generate_latest(self.registry)
