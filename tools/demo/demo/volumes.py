"""Volumes for the books and the chain: this cluster has no provisioner, so an administrator makes them beforehand.

They are folders of the node, which is this machine. The kubelet gives them to the Pods' group.
"""

from demo.cluster import DemoCluster
from demo.kubectl import Json

CLASS = "demo"
"""No StorageClass stands behind it: the name alone brings claims and volumes together."""
SIZE = "1Gi"
_CLAIMS = {"payout": "data-cocoon-fleet-payout-0", "localton": "chain-cocoon-fleet-localton-0"}


def volumes(cluster: DemoCluster, node: str, namespace: str) -> list[Json]:
    """A volume for each claim of the chart's StatefulSets, with its folder."""
    return [_volume(cluster, node, name, {"namespace": namespace, "name": claim}) for name, claim in _CLAIMS.items()]


def _volume(cluster: DemoCluster, node: str, name: str, claim: Json) -> Json:
    folder = cluster.state.root / "demo-volumes" / name
    folder.mkdir(parents=True, exist_ok=True)
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"demo-{name}"},
        "spec": {
            "capacity": {"storage": SIZE},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim"} | claim,
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
