"""An S3 server with TLS from an authority of its own, as a Pod behind https://s3.devcluster.svc.cluster.local.

Its Service has a fixed address, which is in its certificate, so that the host reaches it too.
"""

import base64
import hashlib
import json
import secrets
import ssl
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from devcluster import objects
from devcluster import pki as certificates
from devcluster.errors import DevclusterError
from devcluster.images import Image
from devcluster.kube import Json
from devcluster.paths import State
from devcluster.pki import Pki, Subject
from devcluster.presign import Credentials, presign

NAMESPACE = "devcluster"
NAME = "s3"
ADDRESS = "10.96.0.20"
HOST = f"{NAME}.{NAMESPACE}.svc.cluster.local"
_PORT = 443  # the Pod's own, too: a NetworkPolicy sees that one, and says what it would say of a server elsewhere
_LABELS = {"app.kubernetes.io/name": NAME}


@dataclass(frozen=True)
class Store:
    """The S3 server as its owner uses it: makes buckets, puts and gets objects, signs URLs for others."""

    credentials: Credentials
    ca: Path

    @classmethod
    def of(cls, state: State) -> "Store":
        """Of a cluster that is up."""
        path = _credentials_file(state)
        if not path.exists():
            raise DevclusterError("This cluster has no S3 server: start it with `up --profile full`.")
        return cls(Credentials(**json.loads(path.read_text())), Pki(state).crt("s3-ca"))

    def presigned(self, method: str, name: str, seconds: int = 3600, host: str = HOST) -> str:
        """A URL for one `method` on "bucket/key", good for `seconds`; on this machine `host` must be ADDRESS."""
        return presign(self.credentials, method, f"https://{host}/{name}", datetime.now(UTC), seconds)

    def call(self, method: str, name: str, body: bytes | None = None) -> bytes:
        """From the host. Raises urllib.error.HTTPError for an error status."""
        return self.call_url(method, self.presigned(method, name, host=ADDRESS), body)

    def call_url(self, method: str, url: str, body: bytes | None = None) -> bytes:
        """The same, with a URL that was presigned for ADDRESS."""
        request = urllib.request.Request(url, body, method=method)  # noqa: S310 - always https
        tls = ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(request, context=tls, timeout=60) as answer:  # noqa: S310 - always https
            return bytes(answer.read())

    def make_bucket(self, name: str) -> None:
        """Does nothing when there is one."""
        try:
            self.call("PUT", name)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 409:
                    raise


def image(binary: Path) -> Image:
    """The S3 gateway alone."""
    return Image("localhost/devcluster/s3:dev", ("/versitygw",), {"versitygw": binary})


def manifests(state: State, version: str) -> list[Json]:
    """All of it; `version` is the image's key. Makes its certificate and credentials when there are none."""
    secret, store = _secret(state), _credentials(state)
    ports = [{"name": "https", "port": 443, "targetPort": "https"}]
    service = {"clusterIP": ADDRESS, "selector": _LABELS, "ports": ports}
    content = hashlib.sha256(json.dumps(secret["data"]).encode()).hexdigest()
    return [
        objects.make("v1", "Namespace", NAMESPACE),
        secret,
        objects.make("v1", "Service", NAME, NAMESPACE, spec=service),
        objects.deployment(NAME, NAMESPACE, _LABELS, _pod(state, store), version[:16] + content[:16]),
    ]


def _pod(state: State, who: Credentials) -> Json:
    container = {
        "name": NAME,
        "image": "localhost/devcluster/s3:dev",
        "imagePullPolicy": "Never",
        "args": [
            f"--port=:{_PORT}",
            "--cert=/tls/tls.crt",
            "--key=/tls/tls.key",
            "--keep-alive",
            "-q",
            "posix",
            "/data",
        ],
        "env": [
            {"name": "ROOT_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": NAME, "key": "access_key"}}},
            {"name": "ROOT_SECRET_KEY", "valueFrom": {"secretKeyRef": {"name": NAME, "key": "secret_key"}}},
            {"name": "VGW_REGION", "value": who.region},
        ],
        "ports": [{"name": "https", "containerPort": _PORT}],
        "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls"}, {"name": "data", "mountPath": "/data"}],
    }
    return {
        "automountServiceAccountToken": False,
        "nodeSelector": {"devcluster/kind": "real"},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "tls", "secret": {"secretName": NAME}},
            {"name": "data", "hostPath": {"path": str(state.root / "s3"), "type": "DirectoryOrCreate"}},
        ],
    }


def _secret(state: State) -> Json:
    pki, who = Pki(state), _credentials(state)
    pki.authority("s3-ca")
    names = f"DNS:{HOST},DNS:{NAME}.{NAMESPACE}.svc,DNS:localhost,IP:{ADDRESS},IP:127.0.0.1"
    pki.certificate("s3", Subject(HOST), certificates.SERVER, names, ca="s3-ca")
    content = {
        "tls.crt": pki.crt("s3").read_bytes(),
        "tls.key": pki.key("s3").read_bytes(),
        "access_key": who.access_key.encode(),
        "secret_key": who.secret_key.encode(),
    }
    data = {name: base64.b64encode(value).decode() for name, value in content.items()}
    return objects.make("v1", "Secret", NAME, NAMESPACE, data=data)


def _credentials(state: State) -> Credentials:
    path = _credentials_file(state)
    if not path.exists():
        made = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_hex(20)}
        path.write_text(json.dumps(made))
        path.chmod(0o600)
    return Credentials(**json.loads(path.read_text()))


def _credentials_file(state: State) -> Path:
    return state.conf / "s3.json"
