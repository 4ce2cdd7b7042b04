"""One cluster's certificate authorities, certificates and kubeconfigs, made with openssl (EC P-256)."""

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import DevclusterError
from devcluster.paths import State, put

_DAYS = "3650"
_EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_SECTIONS = "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = extensions\n[name]\n"


@dataclass(frozen=True)
class Subject:
    """Who a certificate names: organisations are Kubernetes groups, the common name is the user."""

    name: str
    group: str = ""


CLIENTS = {
    "admin": Subject("admin", "system:masters"),
    "controller-manager": Subject("system:kube-controller-manager"),
    "scheduler": Subject("system:kube-scheduler"),
    "kwok": Subject("kwok", "system:masters"),
    "proxy": Subject("system:kube-proxy"),
    "policy": Subject("devcluster:network-policy"),
}
SERVER, CLIENT = "serverAuth", "clientAuth"


@dataclass(frozen=True)
class Pki:
    """Files below state/pki: NAME.crt and NAME.key. Each is made when it is first asked for."""

    state: State

    def authority(self, name: str) -> None:
        """A self-signed certificate authority."""
        if not self.has(name):
            use = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,digitalSignature,keyCertSign,cRLSign\n"
            self._request(name, Subject(name), use, [])

    def certificate(self, name: str, subject: Subject, usage: str, names: str = "", ca: str = "ca") -> None:
        """`names` is openssl's subjectAltName: "DNS:localhost,IP:127.0.0.1"."""
        if self.has(name):
            return
        use = (
            f"basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = {usage}\n"
        )
        if names:
            use += f"subjectAltName = {names}\n"
        self._request(name, subject, use, ["-CA", self.crt(ca), "-CAkey", self.key(ca)])

    def service_account_key(self) -> None:
        """The RSA key that signs ServiceAccounts' tokens: sa.key and sa.pub."""
        if not (self.state.pki / "sa.pub").exists():
            self._openssl("genrsa", "-out", self.key("sa"), "2048")
            self._openssl("rsa", "-in", self.key("sa"), "-pubout", "-out", self.state.pki / "sa.pub")

    def kubeconfig(self, name: str, server: str) -> Path:
        """A kubeconfig of the client certificate `name`, in JSON, which is YAML too."""
        path = self.state.kubeconfigs / f"{name}.kubeconfig"
        user = {"client-certificate-data": _encoded(self.crt(name)), "client-key-data": _encoded(self.key(name))}
        cluster = {"server": server, "certificate-authority-data": _encoded(self.crt("ca"))}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "devcluster", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "devcluster", "context": {"cluster": "devcluster", "user": name}}],
            "current-context": "devcluster",
        }
        put(path, json.dumps(document, indent=1) + "\n")
        path.chmod(0o600)
        return path

    def has(self, name: str) -> bool:
        """Whether NAME.crt is there, whole."""
        return self.crt(name).exists()

    def crt(self, name: str) -> Path:
        """The certificate's file (PEM)."""
        return self.state.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key's file (PEM)."""
        return self.state.pki / f"{name}.key"

    def _request(self, name: str, subject: Subject, extensions: str, signer: list[str | Path]) -> None:
        """One openssl call makes key and certificate; the certificate's name appears last, when it is whole."""
        who = (f"O = {subject.group}\n" if subject.group else "") + f"CN = {subject.name}\n"
        config, draft = self.state.pki / f"{name}.cnf", self.state.pki / f"{name}.crt.new"
        config.write_text(f"{_SECTIONS}{who}[extensions]\n{extensions}")
        self._openssl(
            "req",
            "-x509",
            *_EC_KEY,
            "-keyout",
            self.key(name),
            "-config",
            config,
            "-days",
            _DAYS,
            *signer,
            "-out",
            draft,
        )
        draft.replace(self.crt(name))
        config.unlink()

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        if shutil.which("openssl") is None:
            raise DevclusterError("openssl is missing: install it (Debian: apt-get install openssl).")
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DevclusterError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")


def control_plane(pki: Pki, addresses: list[str]) -> None:
    """All that the API server and its clients need; `addresses` are the API server's."""
    pki.authority("ca")
    pki.authority("front-proxy-ca")
    hosts = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    hosts.append("kubernetes.default.svc.cluster.local")
    names = ",".join([f"DNS:{host}" for host in hosts] + [f"IP:{address}" for address in addresses])
    pki.certificate("apiserver", Subject("kube-apiserver"), SERVER, names)
    pki.certificate("apiserver-kubelet-client", Subject("kube-apiserver-kubelet-client", "system:masters"), CLIENT)
    pki.certificate("front-proxy-client", Subject("front-proxy-client"), CLIENT, ca="front-proxy-ca")
    pki.service_account_key()


def client(pki: Pki, name: str, server: str) -> Path:
    """The kubeconfig of one of CLIENTS."""
    pki.certificate(name, CLIENTS[name], CLIENT)
    return pki.kubeconfig(name, server)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
