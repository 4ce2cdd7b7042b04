"""The process that holds the kernel to the cluster's NetworkPolicies. For development: one node, IPv4 only.

    python3 -m devcluster.enforcer URL PKI-FOLDER

Its rules stay in force when it ends. A Pod is unknown, and so not yet isolated, until the API server has its address.
"""

import sys
import threading
import time
from pathlib import Path

from devcluster import host, nft
from devcluster.errors import DevclusterError
from devcluster.kube import Answer, Json, Kube
from devcluster.network_policy import isolate

_SOURCES = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
_PAUSE = 0.5  # seconds after a failure


class Mirror:
    """The cluster's Pods, Namespaces and NetworkPolicies, kept current by one thread each."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._lock = threading.Lock()
        self._things: dict[str, dict[str, Json]] = {}
        self.changed = threading.Event()

    def start(self) -> None:
        """Begin to watch; the threads end with the process."""
        for kind in _SOURCES:
            threading.Thread(target=self._follow, args=(kind,), daemon=True).start()

    def script(self) -> str | None:
        """The rules for what is known; None until everything was listed once."""
        with self._lock:
            known = {kind: list(things.values()) for kind, things in self._things.items()}
        if len(known) < len(_SOURCES):
            return None
        return nft.script(isolate(known["policies"], known["pods"], known["namespaces"]))

    def _follow(self, kind: str) -> None:
        while True:
            try:
                self._watch(kind)
            except (Answer, OSError, ValueError) as trouble:
                sys.stderr.write(f"{kind}: {trouble}\n")
                sys.stderr.flush()
                time.sleep(_PAUSE)

    def _watch(self, kind: str) -> None:
        listed = self._kube.call("GET", _SOURCES[kind])
        self._learn(kind, {thing["metadata"]["uid"]: thing for thing in listed["items"]})
        for event in self._kube.watch(_SOURCES[kind], listed["metadata"]["resourceVersion"]):
            if event["type"] == "ERROR":
                return
            uid = event["object"]["metadata"]["uid"]
            things = dict(self._things[kind])
            things.pop(uid, None)
            if event["type"] != "DELETED":
                things[uid] = event["object"]
            self._learn(kind, things)

    def _learn(self, kind: str, things: dict[str, Json]) -> None:
        with self._lock:
            self._things[kind] = things
        self.changed.set()


def main() -> None:
    """Enforce until told to end."""
    url, pki = sys.argv[1:]
    mirror = Mirror(Kube.of(url, Path(pki), "policy"))
    mirror.start()
    in_force = None
    while True:
        mirror.changed.wait()
        mirror.changed.clear()
        script = mirror.script()
        if script is not None and script != in_force:
            in_force = script if _load(script) else None


def _load(script: str) -> bool:
    try:
        host.run("nft", "-f", "-", stdin=script)
    except DevclusterError as refusal:
        sys.stderr.write(f"{refusal}\n{script}\n")
        sys.stderr.flush()
        return False
    return True


if __name__ == "__main__":
    main()
