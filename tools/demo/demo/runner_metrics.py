"""What runners tell Prometheus: the only place that says how far a running job is, for its status is written twice."""

from demo.kubectl import Kubectl

ANSWERED = "cocoon_runner_items_total"
IN_FLIGHT = "cocoon_runner_items_in_flight"
_PORT = 9090


def total(kubectl: Kubectl, server: str, metric: str) -> int:
    """The sum of a metric over all its labels; 0 where the runner doesn't answer."""
    text = kubectl.raw(f"/api/v1/namespaces/{kubectl.namespace}/pods/{server}:{_PORT}/proxy/metrics") or ""
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith((f"{metric}{{", f"{metric} ")))
    return int(sum(float(value) for _, value in samples))
