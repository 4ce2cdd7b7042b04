"""The keyring's Prometheus metrics. Labels are constants: no job, no key, no address."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """One registry per keyring, so that tests can have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter(
            "cocoon_keyring_calls",
            "Calls answered, by route (release, handover, count, evidence, challenge) and code: OK or why not.",
            ["route", "code"],
            registry=self.registry,
        )
        self.ready = Gauge("cocoon_keyring_ready", "1 while this replica holds an identity.", registry=self.registry)
        self.files = Gauge(
            "cocoon_keyring_files_counted", "Sealed files whose releases are being counted.", registry=self.registry
        )

    def render(self) -> bytes:
        """The text format."""
        return generate_latest(self.registry)
