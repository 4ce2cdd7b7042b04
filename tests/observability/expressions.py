"""What a PromQL expression speaks of: its metrics and the labels that its result keeps."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from tools.reference.metrics import registries

#: Of each process, by Prometheus' client library; the operator's registry holds them.
STANDARD = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPED = re.compile(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)")
_METRIC = re.compile(r"\b(?:cocoon|process|nv|up|ALERTS)_?[a-z_:]*\b")
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def names_in(expression: str) -> set[str]:
    """Metrics that an expression reads."""
    bare = _GROUPED.sub("", re.sub(r"\{[^}]*\}", "", _QUOTED.sub('""', expression)))
    return set(_METRIC.findall(bare))


def matched_values(expression: str) -> set[tuple[str, str, str]]:
    """Metric, label and value of each exact matcher."""
    found = set()
    for name, matchers in re.findall(r"(cocoon_[a-z_]+)\{([^}]*)\}", expression):
        found |= {(name, label, value) for label, value in re.findall(r'([a-z_]+)="([^"]+)"', matchers)}
    return found


def labels_kept(expression: str) -> set[str]:
    """All labels that aggregations of the expression keep."""
    lists = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return {label.strip() for each in lists for label in each.split(",")} - {"le"}


def known_series() -> set[str]:
    """Names of all series that our processes serve."""
    return {name for registry in registries().values() for name in _series(registry)} | STANDARD


def _series(registry: CollectorRegistry) -> set[str]:
    found = set()
    for collector in list(registry._collector_to_names):
        if isinstance(collector, MetricWrapperBase):
            [family] = collector.describe()
            found |= {family.name + suffix for suffix in _SUFFIXES[family.type]}
    return found
