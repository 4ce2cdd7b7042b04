"""Scrape configurations and targets out of ServiceMonitors and PodMonitors, as the Prometheus operator makes them.

Debian's Prometheus can't ask Kubernetes for targets, so it is told them in files (file_sd), by the monitors' selectors.
Only what our chart's monitors use is known here; anything else is an error, so that no selector is left out silently.
Source: prometheus-operator, pkg/prometheus/promcfg.go (generatePodMonitorConfig, generateServiceMonitorConfig).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_ENDPOINTS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of a monitor of a release in `namespace`."""

    monitor: Json
    number: int
    namespace: str

    @property
    def name(self) -> str:
        """Of the scrape job, and of the file of its targets."""
        return f"{self.monitor['kind']}-{self.monitor['metadata']['name']}-{self.number}"

    @property
    def said(self) -> Json:
        """What the monitor says of it."""
        found: Json = self.monitor["spec"][_ENDPOINTS[self.monitor["kind"]]][self.number]
        return found

    def scrape(self, folder: Path, authorities: Mapping[str, Path]) -> Json:
        """How Prometheus is told of it; `authorities` are CA files by the Secret's name."""
        said = self.said
        files = [{"files": [str(folder / f"{self.name}.json")], "refresh_interval": "1s"}]
        scrape = {"job_name": self.name, "metrics_path": said["path"], "scheme": said.get("scheme", "http")}
        return scrape | {"file_sd_configs": files} | _tls(said, authorities)

    def targets(self, pods: list[Json], services: list[Json]) -> list[Json]:
        """Addresses of what it selects now, labelled with namespace and Pod."""
        if self.monitor["kind"] == "PodMonitor":
            return list(self._of_pods(self._selected(pods), self.said["port"]))
        return [
            target
            for service in self._selected(services)
            for port in service["spec"]["ports"]
            if port["name"] == self.said["port"]
            for target in self._of_pods(_behind(service, pods), port["targetPort"])
        ]

    def _selected(self, objects: list[Json]) -> list[Json]:
        spec = self.monitor["spec"]
        anywhere = spec.get("namespaceSelector", {}).get("any", False)
        here = [each for each in objects if anywhere or each["metadata"]["namespace"] == self.namespace]
        return [each for each in here if _matches(spec["selector"]["matchLabels"], each)]

    def _of_pods(self, pods: list[Json], port: str | int) -> Iterator[Json]:
        for pod in pods:
            running = pod["status"].get("phase") == "Running" and pod["status"].get("podIP")
            for number in _numbers(pod, port) if running else ():
                labels = {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}
                yield {"targets": [f"{pod['status']['podIP']}:{number}"], "labels": labels}


def endpoints(monitor: Json, namespace: str) -> list[Endpoint]:
    """All of a monitor's. Fails for a monitor that says what is not known here."""
    spec = monitor["spec"]
    listed = _ENDPOINTS[monitor["kind"]]
    _no_other(spec, {"selector", "namespaceSelector", listed})
    _no_other(spec["selector"], {"matchLabels"})
    for endpoint in spec[listed]:
        _no_other(endpoint, {"port", "path", "scheme", "interval", "tlsConfig"})
    return [Endpoint(monitor, number, namespace) for number in range(len(spec[listed]))]


def _tls(said: Json, authorities: Mapping[str, Path]) -> Json:
    if "tlsConfig" not in said:
        return {}
    tls = said["tlsConfig"]
    _no_other(tls, {"serverName", "ca"})
    authority = authorities[tls["ca"]["secret"]["name"]]
    return {"tls_config": {"server_name": tls["serverName"], "ca_file": str(authority)}}


def _behind(service: Json, pods: list[Json]) -> list[Json]:
    here = [pod for pod in pods if pod["metadata"]["namespace"] == service["metadata"]["namespace"]]
    return [pod for pod in here if _matches(service["spec"]["selector"], pod)]


def _matches(wanted: Mapping[str, str], thing: Json) -> bool:
    labels: dict[str, str] = thing["metadata"].get("labels", {})
    return wanted.items() <= labels.items()


def _numbers(pod: Json, port: str | int) -> Iterator[int]:
    """Numbers of the containers' ports of that name or number; sidecars are init containers."""
    spec = pod["spec"]
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        for each in container.get("ports", []):
            if port in (each.get("name"), each["containerPort"]):
                yield each["containerPort"]


def _no_other(found: Json, known: set[str]) -> None:
    assert set(found) <= known, f"{set(found) - known} of a monitor is not translated here"
