"""The page of all metrics, from the registries that the processes themselves serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from cocoon.fleet.metrics import Metrics as FleetMetrics
from cocoon.keyring.metrics import Metrics as KeyringMetrics
from cocoon.payout.metrics import Metrics as PayoutMetrics
from cocoon.payout.sending.metrics import PaymentMetrics
from cocoon.runner.metrics import Metrics as RunnerMetrics
from tools.reference.tables import code, table

#: Last words of names, and the unit that they stand for.
_MEASURES: Final = {"seconds": "seconds", "nanoton": "nanoTON", "bytes": "bytes"}
#: What is counted, as names call it.
_COUNTED: Final = {
    "accounts", "actions", "announcements", "attempts", "balances", "batches", "calls", "events", "evidence",
    "files", "gpus", "holds", "items", "jobs", "keyrings", "lanes", "messages", "nodes", "objects", "providers",
    "receipts", "records", "recoveries", "requests", "rounds", "servers", "slots", "tokens", "transfers", "verdicts",
    "watches"
}  # fmt: skip
_ABOUT = """Every process serves these at `/metrics` on its plain-text port, beside the standard `process_` and
`python_gc_` ones. Labels are bounded: no job, Pod or tenant is ever one. Every name says its unit; amounts end in
`_nanoton` and are shown as floats, as the format has it: read exact amounts from the payout service."""


def page() -> str:
    """The reference page of all metrics, as Markdown."""
    parts = [
        "# Metrics",
        "<!-- Written by `make reference` from the processes' own registries. -->",
        _ABOUT,
    ]
    for title, registry in registries().items():
        rows = ((code(one.name), one.kind, one.unit, ", ".join(one.labels), one.meaning) for one in described(registry))
        parts += [f"## {title}", table(("Metric", "Type", "Unit", "Labels", "Meaning"), rows)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def registries() -> dict[str, CollectorRegistry]:
    """Each process's registry, filled as the process fills it."""
    payout = PayoutMetrics()
    PaymentMetrics(payout.registry)
    return {
        "Operator": FleetMetrics().registry,
        "Runner": RunnerMetrics().registry,
        "Keyring": KeyringMetrics().registry,
        "Payout service": payout.registry,
    }


class Described(Struct, frozen=True):
    """One metric as the page shows it; `labels` without those of buckets."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def unit(self) -> str:
        """What one of it is, as the name says; "" if it doesn't."""
        words = self.name.removesuffix("_total").split("_")[2:]
        if words[-1] in _MEASURES:
            return _MEASURES[words[-1]] if "timestamp" not in words else "seconds since 1970"
        if self.meaning.startswith("1 while"):
            return "1 or 0"
        return next((word for word in words if word in _COUNTED), "")


def described(registry: CollectorRegistry) -> list[Described]:
    """Every metric of ours in that registry, by name; the client library's own (`process_`, `python_`) are left out."""
    return sorted(_described(registry), key=lambda metric: metric.name)


def _described(registry: CollectorRegistry) -> Iterator[Described]:
    # A labelled metric without children has no samples, so its labels are only in the object itself.
    for collector in list(registry._collector_to_names):  # noqa: SLF001 - the library lists its collectors nowhere else
        if isinstance(collector, MetricWrapperBase):
            family = next(iter(collector.describe()))
            suffix = "_total" if family.type == "counter" else ""
            labels = tuple(collector._labelnames)  # noqa: SLF001 - as above, for the labels
            yield Described(family.name + suffix, family.type, labels, family.documentation)
