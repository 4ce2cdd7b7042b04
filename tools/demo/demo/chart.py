"""The chart, as an administrator installs it: `helm upgrade --install`."""

import json
from collections.abc import Mapping

from demo.cluster import program
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl
from demo.programs import REPOSITORY, ask
from devcluster.host import NODE_ADDRESS

CHART = REPOSITORY / "charts" / "cocoon-fleet"
RELEASE = "cocoon-fleet"
KEYRING = f"{RELEASE}-keyring"
WORKLOADS = (
    f"statefulset/{RELEASE}-localton",
    f"statefulset/{RELEASE}-payout",
    f"statefulset/{KEYRING}",
    f"deployment/{RELEASE}",
)


_MONITORING = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
_NETWORK = {
    "apiServer": {"ports": [6443], "peers": [{"ipBlock": {"cidr": f"{NODE_ADDRESS}/32"}}]},
    **dict.fromkeys(("operatorCallers", "payoutCallers", "keyringScrapers"), _MONITORING),
}


def install(kubectl: Kubectl, images: Mapping[str, str], more: Json) -> None:
    """Install or upgrade, and wait until all of it is up; `more` are values beside those of this machine."""
    values = json.dumps(_values(images) | more)
    helm = program("helm", "helm")
    where = (f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={OPERATOR}", "--create-namespace")
    ask(helm, "upgrade", "--install", RELEASE, CHART, *where, "--values=-", stdin=values)
    for name in WORKLOADS:
        kubectl.within(OPERATOR)("rollout", "status", name, "--timeout=120s")


def _values(images: Mapping[str, str]) -> dict[str, object]:
    """What differs on a machine without TEEs and without a registry."""
    return {
        "image": {"operator": images["fleet"], "pullPolicy": "Never"}
        | {name: images[name] for name in ("runner", "payout", "keyring", "localton")},
        "development": True,
        "allowPrivateAddresses": True,
        "networkPolicy": _NETWORK,
    }


def installed_at(kubectl: Kubectl) -> str:
    """When what runs now was first rolled out (RFC 3339, UTC)."""
    sets = kubectl.within(OPERATOR).every("replicaset", "app.kubernetes.io/component=operator")
    return max(str(each["metadata"]["creationTimestamp"]) for each in sets if each["spec"]["replicas"])


def evidence(kubectl: Kubectl, digest: str) -> bytes | None:
    """The bundle of that digest from any replica that has verified it, by way of the API server."""
    there = kubectl.within(OPERATOR)
    for pod in there.every("pod", "app.kubernetes.io/component=operator"):
        name = pod["metadata"]["name"]
        found = there.raw(f"/api/v1/namespaces/{OPERATOR}/pods/{name}:8080/proxy/v1/evidence/{digest}")
        if found is not None:
            return found.encode()
    return None
