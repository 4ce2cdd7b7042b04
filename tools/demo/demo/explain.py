"""What to show when something went wrong: the objects' own words first, then the logs' last lines."""

from demo import story
from demo.kubectl import Json, Kubectl, condition
from demo.screen import Screen

OPERATOR = "cocoon-system"


def explain(kubectl: Kubectl, screen: Screen) -> None:
    """Show why the fleet is where it is; never raises, for it is called when things are broken already."""
    screen.show(["", "What the cluster says:"])
    _statuses(kubectl, screen)
    for pod in [*_pods(kubectl), *_pods(kubectl.within(OPERATOR))]:
        _pod(kubectl.within(pod["metadata"]["namespace"]), pod, screen)
    events = kubectl("get", "events", "--field-selector=type=Warning", "--sort-by=.lastTimestamp", check=False)
    screen.show(["", "Warnings:", *events.splitlines()[-12:]])
    screen.show(["", "To look further:", *(f"  {line}" for line in advice(kubectl))])


def advice(kubectl: Kubectl) -> list[str]:
    """Commands for a reader to go on with."""
    return [
        f"export KUBECONFIG={kubectl.kubeconfig} PATH={kubectl.program.parent}:$PATH",
        f"kubectl -n {story.NAMESPACE} describe cprov,ijob",
        f"kubectl -n {OPERATOR} logs deployment/cocoon-fleet --all-pods --tail=50",
        "make demo        # again: what is there already is kept",
        "make demo-down   # or start over",
    ]


def _statuses(kubectl: Kubectl, screen: Screen) -> None:
    screen.show(kubectl("get", "cprov,ijob,pods", "--output=wide", check=False).splitlines())
    for name in ("cocoonprovider", "inferencejob"):
        for thing in _listed(kubectl, name):
            for each in thing.get("status", {}).get("conditions", []):
                if each["status"] != "True":
                    screen.show([f"{thing['metadata']['name']}: {each['type']}={each['status']}: {each['message']}"])


def _pod(kubectl: Kubectl, pod: Json, screen: Screen) -> None:
    name = pod["metadata"]["name"]
    if condition(pod, "Ready").get("status") == "True" and kubectl.namespace != OPERATOR:
        return
    screen.show(["", f"Pod {kubectl.namespace}/{name}:"])
    described = kubectl("describe", "pod", name, check=False).partition("\nEvents:")[2]
    screen.show(described.splitlines()[-8:])
    logs = kubectl("logs", name, "--all-containers", "--prefix", "--tail=12", check=False)
    screen.show([line[:300] for line in logs.splitlines()])


def _pods(kubectl: Kubectl) -> list[Json]:
    return _listed(kubectl, "pod")


def _listed(kubectl: Kubectl, kind: str) -> list[Json]:
    try:
        return kubectl.every(kind)
    except Exception:  # noqa: BLE001 - the cluster may be what is broken
        return []
