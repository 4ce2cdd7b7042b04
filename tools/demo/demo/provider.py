"""The provider: applied, and watched until its servers are attested and ready."""

import time
from collections.abc import Mapping

from demo import chart, samples, story
from demo.errors import DemoError
from demo.kubectl import Json, Kubectl, condition
from demo.screen import Screen

SERVERS = "app.kubernetes.io/name=cocoon-server"
_PATIENCE = 180.0


def offer(kubectl: Kubectl, values: Mapping[str, str], screen: Screen) -> None:
    """Apply the namespace and the provider, and wait until it takes jobs."""
    kubectl.apply([samples.load("namespace")])
    kubectl.apply([samples.load("provider", values)])
    _retire_older(kubectl, screen)
    _await_ready(kubectl, screen)


def _retire_older(kubectl: Kubectl, screen: Screen) -> None:
    """A new build of operator or runner holds for new servers; here nobody has work on the old ones: they can go."""
    installed = chart.installed_at(kubectl)
    for pod in kubectl.every("pod", SERVERS):
        if pod["metadata"]["creationTimestamp"] < installed:
            screen.say(f"server {pod['metadata']['name']} was started by another build: deleting it")
            kubectl("delete", "pod", pod["metadata"]["name"], "--wait", "--timeout=120s")


def _await_ready(kubectl: Kubectl, screen: Screen) -> None:
    told: dict[str, str] = {}
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = kubectl.find("cocoonprovider", story.PROVIDER)
        lines = {story.PROVIDER: _provider_line(found)} | dict(map(_server_line, kubectl.every("pod", SERVERS)))
        for name, line in lines.items():
            if told.get(name) != line:
                screen.say(f"{name}  {line}")
        told.update(lines)
        if _takes_jobs(found):
            return
        time.sleep(0.5)
    raise DemoError(f"The provider was not ready after {_PATIENCE:.0f} s: {told[story.PROVIDER]}")


def _takes_jobs(provider: Json | None) -> bool:
    """Whether it is Ready as it stands now, and the server that it always keeps is there."""
    status = (provider or {}).get("status", {})
    current = status.get("observedGeneration") == (provider or {"metadata": {}})["metadata"].get("generation")
    ready = condition(provider, "Ready").get("status") == "True"
    return bool(current and ready and status.get("servers", {}).get("ready", 0) > 0)


def _provider_line(provider: Json | None) -> str:
    ready = condition(provider, "Ready")
    return f"Ready={ready.get('status', 'Unknown')}  {ready.get('message', 'the operator has not looked at it yet')}"


def _server_line(pod: Json) -> tuple[str, str]:
    attested = condition(pod, "cocoonfleet.io/Attested")
    running = condition(pod, "ContainersReady").get("status") == "True"
    words = [pod.get("status", {}).get("phase", "Pending"), "containers ready" if running else _waiting(pod)]
    words.append("attested" if attested.get("status") == "True" else attested.get("message", ""))
    return f"server {pod['metadata']['name']}", ", ".join(word for word in words if word)


def _waiting(pod: Json) -> str:
    """Why a container does not run yet."""
    status = pod.get("status", {})
    every = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((reason for each in every if (reason := each["state"].get("waiting", {}).get("reason"))), "")
