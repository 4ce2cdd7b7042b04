"""The page of all metrics, from the registries that the processes themselves serve."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from cocoon.fleet.metrics import Metrics as FleetMetrics
from cocoon.keyring.metrics import Metrics as KeyringMetrics
from cocoon.payout.metrics import Metrics as PayoutMetrics
from cocoon.payout.sending.metrics import PaymentMetrics
from cocoon.runner.metrics import Metrics as RunnerMetrics
from tools.reference.tables import code, table

_ABOUT = """Every process serves these at `/metrics` on its plain-text port, beside the standard `process_` and
`python_gc_` ones. Labels are bounded: no job, Pod or tenant is ever one. Times are seconds; amounts end in `_nanoton`
and are shown as floats, as the format has it: read exact amounts from the payout service."""


def page() -> str:
    """The reference page of all metrics, as Markdown."""
    parts = [
        "# Metrics",
        "<!-- Written by `make reference` from the processes' own registries. -->",
        _ABOUT,
    ]
    for title, registry in registries().items():
        rows = ((code(one.name), one.kind, ", ".join(one.labels), one.meaning) for one in described(registry))
        parts += [f"## {title}", table(("Metric", "Type", "Labels", "Meaning"), rows)]
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
