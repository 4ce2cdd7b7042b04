"""The server Pod: Triton and its runner in one TEE.

Under Pod Security "restricted" for development; with trust Hardware the runner has its guest's configfs besides.

    runner :8443 (https, operator only)  :9090 (health, metrics)
       | gRPC 127.0.0.1:8001, with a key for model control
    triton

Both see /models (the runner writes what it has verified), only the runner sees the journal and the sources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from cocoon.api.groups import ATTESTED_CONDITION, SERVER_LABEL, TEMPLATE_ANNOTATION
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.plan.records import Offer, Provider
from cocoon.fleet.render import guest
from cocoon.fleet.render.names import (
    CONCURRENCY_ANNOTATION,
    GPU_RESOURCE_ANNOTATION,
    ISOLATED_ANNOTATION,
    METRICS_PORT,
    labels,
    owned_by,
)

#: Time for the runner to say farewell after its jobs are done, in seconds.
FAREWELL: Final = 60
NOBODY: Final = 65532
#: Named in the runner too (cocoon.runner.triton_grpc.CONTROL_KEY_NAME).
CONTROL_HEADER: Final = "cocoon-control"
_TRITON_FLAGS: Final = (
    "--model-repository=/models",
    "--model-control-mode=explicit",
    "--http-address=127.0.0.1",
    "--grpc-address=127.0.0.1",
    "--metrics-address=127.0.0.1",
    "--strict-readiness=false",
    "--exit-on-error=false",
    "--disable-auto-complete-config",
    "--grpc-max-connection-age=600000",
    "--grpc-max-connection-age-grace=5000",
    "--exit-timeout-secs=5",
)
_SAFE: Final = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


class RunnerTerms(Struct, frozen=True, kw_only=True):
    """What the operator's own settings say of runners; a change of it restarts no server."""

    image: str
    operator_certificates: str
    """PEM of every certificate that operators show."""
    port: int = 8443
    priority_class: str = ""
    allow_private_addresses: bool = False
    allow_test_roots: bool = False
    operator_namespace: str = "cocoon-system"
    keyring_ports: tuple[int, ...] = ()
    """Of keyrings in the operator's namespace; empty if there are none."""
    collateral: tuple[str, ...] = ("vendors",)
    """Where runners get the vendors' word on keyrings' hardware: `vendors` or https addresses, asked in order."""


def server_pod(provider: Provider, wish: CreateServer, terms: RunnerTerms) -> dict[str, Any]:
    """The Pod that a CreateServer asks for. Raises KeyError if the provider no longer offers the model."""
    offer = provider.offers[wish.model]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": wish.name,
            "namespace": provider.namespace,
            "labels": labels(provider, wish.model) | {SERVER_LABEL: wish.name},
            "annotations": _annotations(offer, wish),
            "ownerReferences": owned_by(provider),
        },
        "spec": _spec(provider, offer, wish, terms),
    }


def _annotations(offer: Offer, wish: CreateServer) -> dict[str, str]:
    optional = {ISOLATED_ANNOTATION: wish.isolated_for}
    return {
        TEMPLATE_ANNOTATION: wish.template,
        CONCURRENCY_ANNOTATION: str(offer.concurrency),
        GPU_RESOURCE_ANNOTATION: wish.technology.gpu_resource,
        "kubectl.kubernetes.io/default-container": "runner",
    } | {name: value for name, value in optional.items() if value}


def _spec(provider: Provider, offer: Offer, wish: CreateServer, terms: RunnerTerms) -> dict[str, Any]:
    source, in_guest = offer.spec.source, guest.is_confidential(provider, wish.technology)
    copies = [_model_image(source.image, offer.model)] if source.image else []
    spec: dict[str, Any] = {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _only(wish.node)}},
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": provider.drain_timeout + FAREWELL,
        "readinessGates": [{"conditionType": ATTESTED_CONDITION}],
        "tolerations": _tolerations(provider),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "fsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [*copies, _triton(provider, offer, wish)],
        "containers": [_runner(provider, offer, wish, terms)],
        "volumes": [*_volumes(provider, offer), *(guest.volumes() if in_guest else [])],
        "imagePullSecrets": [{"name": secret.name} for secret in provider.spec.image_pull_secrets],
    }
    if wish.technology.runtime_class_name:
        spec["runtimeClassName"] = wish.technology.runtime_class_name
    if terms.priority_class:
        spec["priorityClassName"] = terms.priority_class
    return spec


def _only(node: str) -> dict[str, Any]:
    return {
        "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}],
    }


def _tolerations(provider: Provider) -> list[dict[str, Any]]:
    """An unreachable node is not a failed one, so its taints are tolerated without a limit."""
    lasting = [
        {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute"}
        for taint in ("not-ready", "unreachable")
    ]
    return [*lasting, *(msgspec.to_builtins(toleration) for toleration in provider.spec.nodes.tolerations)]


def _triton(provider: Provider, offer: Offer, wish: CreateServer) -> dict[str, Any]:
    """A sidecar, which the kubelet ends after the runner: the runner needs it to finish its jobs."""
    triton, key = provider.spec.triton, _control_key(provider, wish)
    restricted = [
        f"--http-restricted-api=model-repository:{CONTROL_HEADER}={key}",
        f"--grpc-restricted-protocol=model-repository:{CONTROL_HEADER}={key}",
    ]
    return {
        "name": "triton",
        "restartPolicy": "Always",
        "image": triton.image,
        "command": ["tritonserver"],
        "args": [*_TRITON_FLAGS, *restricted, *triton.args],
        "resources": _with_gpus(triton.resources, wish.technology.gpu_resource, offer.gpus),
        "securityContext": _SAFE,
        "volumeMounts": [
            {"name": "models", "mountPath": "/models", "readOnly": True},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - Triton's shared memory is there by design
            {"name": "triton-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of this Pod alone
        ],
    }


def _with_gpus(resources: Mapping[Any, Mapping[str, str | int]], gpu_resource: str, gpus: int) -> dict[str, Any]:
    limits = {**(resources.get("limits") or {}), gpu_resource: str(gpus)}
    return {**resources, "limits": limits}


def _control_key(provider: Provider, wish: CreateServer) -> str:
    """Keeps model control from what reaches Triton by accident; model code is inside the trust boundary anyway."""
    return hashlib.sha256(f"{provider.uid}/{wish.name}/{wish.template}".encode()).hexdigest()[:32]


def _runner(provider: Provider, offer: Offer, wish: CreateServer, terms: RunnerTerms) -> dict[str, Any]:
    in_guest = guest.is_confidential(provider, wish.technology)
    probe = {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 6}
    return {
        "name": "runner",
        "image": terms.image,
        "env": [{"name": name, "value": value} for name, value in _environment(provider, offer, wish, terms).items()],
        "ports": [{"name": "https", "containerPort": terms.port}, {"name": "metrics", "containerPort": METRICS_PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "metrics"}, **probe},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "metrics"}, **probe, "initialDelaySeconds": 10},
        "resources": {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": _SAFE | (guest.root() if in_guest else {}),
        "volumeMounts": [*_runner_mounts(offer), *(guest.mounts() if in_guest else [])],
    }


def _environment(provider: Provider, offer: Offer, wish: CreateServer, terms: RunnerTerms) -> dict[str, str]:
    proxy = provider.spec.proxy
    optional = {
        "COCOON_NAMESPACE": wish.isolated_for,
        "COCOON_ALLOW_PRIVATE_ADDRESSES": "true" if terms.allow_private_addresses else "",
        "COCOON_TEST_ROOTS": "true" if terms.allow_test_roots and provider.trust == "Test" else "",
        "COCOON_CA_BUNDLE": provider.spec.ca_bundle or "",
        "HTTPS_PROXY": (proxy and proxy.https_proxy) or "",
        "NO_PROXY": (proxy and proxy.no_proxy) or "",
    }
    return {
        "COCOON_PAYEE": provider.payee,
        "COCOON_PROVIDER_UID": provider.uid,
        "COCOON_OPERATOR_CERTIFICATES": terms.operator_certificates,
        "COCOON_TRITON_GRPC": "127.0.0.1:8001",
        "COCOON_TRITON_CONTROL_KEY": _control_key(provider, wish),
        "COCOON_MODELS_DIR": "/models",
        "COCOON_SOURCES_DIR": "/sources",
        "COCOON_JOURNAL_DIR": "/journal",
        "COCOON_GRACE": f"{provider.drain_timeout}s",
        "COCOON_COLLATERAL": ",".join(terms.collateral),
        "COCOON_GPUS": str(offer.gpus),
        "COCOON_CREDENTIALS_DIR": "/credentials",
    } | {name: value for name, value in optional.items() if value}


def _runner_mounts(offer: Offer) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "models", "mountPath": "/models"},
        {"name": "journal", "mountPath": "/journal"},
        {"name": "runner-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of this Pod alone
        {"name": "sources", "mountPath": _source_folder(offer), "readOnly": True},
    ]
    if secret := offer.spec.source.credentials_secret:
        mounts.append({"name": "credentials", "mountPath": f"/credentials/{secret}", "readOnly": True})
    return mounts


def _source_folder(offer: Offer) -> str:
    """Where the runner looks for what this volume holds (cocoon.runner.sources)."""
    claim = offer.spec.source.claim_name
    return f"/sources/claims/{claim}" if claim else "/sources/images"


def _model_image(image: str, model: str) -> dict[str, Any]:
    """Copies the image's /models/NAME to where the runner looks; the runner hashes it before it is loaded."""
    return {
        "name": "model",
        "image": image,
        "command": ["cp", "-r", f"/models/{model}", "/sources/"],
        "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": _SAFE,
        "volumeMounts": [{"name": "sources", "mountPath": "/sources"}],
    }


def _volumes(provider: Provider, offer: Offer) -> list[dict[str, Any]]:
    source = offer.spec.source
    claim = {"persistentVolumeClaim": {"claimName": source.claim_name, "readOnly": True}}
    volumes = [
        {"name": "models", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": provider.spec.triton.shared_memory}},
        {"name": "triton-tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "runner-tmp", "emptyDir": {}},
        {"name": "journal", "emptyDir": {}},
        {"name": "sources", **(claim if source.claim_name else {"emptyDir": {}})},
    ]
    if source.credentials_secret:
        volumes.append({"name": "credentials", "secret": {"secretName": source.credentials_secret}})
    return volumes
