"""Names inside the cluster: CoreDNS, as a Pod like everywhere, so that NetworkPolicies meet it as they do elsewhere."""

from pathlib import Path

from devcluster import node, objects
from devcluster.host import resolvers
from devcluster.images import Image
from devcluster.kube import Json

NAMESPACE = "kube-system"
DEPLOYMENT = "coredns"
_LABELS = {"k8s-app": "kube-dns"}
_RBAC = "rbac.authorization.k8s.io"
_READ = ["list", "watch"]


def image(binary: Path) -> Image:
    """CoreDNS alone."""
    return Image("localhost/devcluster/coredns:dev", ("/coredns",), {"coredns": binary})


def manifests(version: str) -> list[Json]:
    """All of it; `version` is the image's key."""
    subject = {"kind": "ServiceAccount", "name": "coredns", "namespace": NAMESPACE}
    role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "system:coredns"}
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": _READ},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    ]
    return [
        objects.make("v1", "ServiceAccount", "coredns", NAMESPACE),
        objects.make(f"{_RBAC}/v1", "ClusterRole", "system:coredns", rules=rules),
        objects.make(f"{_RBAC}/v1", "ClusterRoleBinding", "system:coredns", roleRef=role, subjects=[subject]),
        objects.make("v1", "ConfigMap", "coredns", NAMESPACE, data={"Corefile": _corefile()}),
        objects.make("v1", "Service", "kube-dns", NAMESPACE, spec=_service()),
        objects.deployment(DEPLOYMENT, NAMESPACE, _LABELS, _pod(), version),
    ]


def _service() -> Json:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
    ]
    return {"clusterIP": node.DNS_SERVICE, "selector": _LABELS, "ports": ports}


def _pod() -> Json:
    container = {
        "name": "coredns",
        "image": "localhost/devcluster/coredns:dev",
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
    }
    return {
        "serviceAccountName": "coredns",
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"devcluster/kind": "real"},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }


def _corefile() -> str:
    forward = "  forward . /etc/resolv.conf\n" if _has_resolver(resolvers()) else ""
    return (
        ".:53 {\n  errors\n  ready :8181\n"
        "  kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
        "    pods insecure\n    fallthrough in-addr.arpa ip6.arpa\n  }\n"
        f"{forward}  cache 5\n  loadbalance\n}}\n"
    )


def _has_resolver(path: Path) -> bool:
    """A name server on loopback can't be reached from a Pod: it would be the Pod itself."""
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return any(words[0] == "nameserver" and not words[1].startswith("127.") for words in lines if len(words) > 1)
