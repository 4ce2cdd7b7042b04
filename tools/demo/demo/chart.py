"""The chart, as an administrator installs it: the CRDs, then `helm upgrade --install`."""

import json
from collections.abc import Mapping

from demo.cluster import program
from demo.explain import OPERATOR
from demo.kubectl import Kubectl
from demo.programs import REPOSITORY, ask

CHART = REPOSITORY / "charts" / "cocoon-fleet"
RELEASE = "cocoon-fleet"


def install(kubectl: Kubectl, images: Mapping[str, str]) -> None:
    """Install or upgrade, and wait until both replicas are up."""
    kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CHART / 'crds'}")
    kubectl("wait", "--for=condition=Established", f"--filename={CHART / 'crds'}", "--timeout=30s")
    values = json.dumps(_values(images))
    helm = program("helm", "helm")
    where = (f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={OPERATOR}", "--create-namespace")
    ask(helm, "upgrade", "--install", RELEASE, CHART, *where, "--skip-crds", "--values=-", stdin=values)
    kubectl.within(OPERATOR)("rollout", "status", f"deployment/{RELEASE}", "--timeout=120s")


def _values(images: Mapping[str, str]) -> dict[str, object]:
    """What differs on a machine without TEEs and without a registry."""
    return {
        "image": {"operator": images["fleet"], "runner": images["runner"], "pullPolicy": "Never"},
        "development": True,
        "allowPrivateAddresses": True,
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
