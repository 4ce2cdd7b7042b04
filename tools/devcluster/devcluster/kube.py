"""A small client of the Kubernetes API for this tool's own needs; its dependencies are Python's own."""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from devcluster.errors import DevclusterError

Json = dict[str, Any]
_MANAGER = "fieldManager=devcluster"
_TIMEOUT = 10.0  # seconds


class Answer(Exception):
    """The API server answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Kube:
    """Speaks to `url` with a client certificate."""

    url: str
    tls: ssl.SSLContext

    @classmethod
    def of(cls, url: str, pki: Path, user: str = "admin") -> "Kube":
        """With the certificate of `user` in the folder `pki`."""
        tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        tls.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
        return cls(url, tls)

    def ready(self) -> bool:
        """Whether the API server says that it is."""
        try:
            return self.call("GET", "/readyz") is not None
        except (Answer, OSError):
            return False

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Json:
        """One request. Raises Answer for an error status and OSError when the server can't be reached."""
        with self._open(method, path, body, kind) as answer:
            text = answer.read()
        try:
            content = json.loads(text)
        except ValueError:
            return {"text": text.decode()}
        return content if isinstance(content, dict) else {"list": content}

    def find(self, path: str) -> Json | None:
        """The object at `path`, or None."""
        try:
            return self.call("GET", path)
        except Answer as answer:
            if answer.status == 404:
                return None
            raise

    def apply(self, path: str, manifest: Json) -> Json:
        """Server-side apply of `manifest` at its own `path`."""
        return self.call("PATCH", f"{path}?{_MANAGER}&force=true", manifest, "application/apply-patch+yaml")

    def merge(self, path: str, patch: Json) -> Json:
        """JSON merge patch."""
        return self.call("PATCH", f"{path}?{_MANAGER}", patch, "application/merge-patch+json")

    def watch(self, path: str, version: str) -> Iterator[Json]:
        """Events after `version`, for up to 5 minutes."""
        with self._open("GET", f"{path}?watch=1&timeoutSeconds=300&resourceVersion={version}", None, "", 330) as lines:
            for line in lines:
                yield json.loads(line)

    def _open(
        self, method: str, path: str, body: object, kind: str, timeout: float = _TIMEOUT
    ) -> http.client.HTTPResponse:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, content, headers, method=method)  # noqa: S310 - always https
        try:
            answer = urllib.request.urlopen(request, timeout=timeout, context=self.tls)  # noqa: S310 - always https
        except urllib.error.HTTPError as error:
            with error:
                raise Answer(error.code, error.read().decode(errors="replace")) from None
        return cast("http.client.HTTPResponse", answer)


def until(met: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something that the cluster does; a server that is busy or away is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if met():
                return
        except (Answer, OSError) as error:
            if time.monotonic() > deadline:
                raise DevclusterError(f"{what} did not happen within {seconds:.0f} s: {error}") from error
        if time.monotonic() > deadline:
            raise DevclusterError(f"{what} did not happen within {seconds:.0f} s: look into the logs.")
        time.sleep(0.05)


def condition(thing: Json | None, kind: str) -> bool:
    """Whether the object has the condition `kind` with status True."""
    conditions = (thing or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)
