"""Talking to the API server about our two kinds."""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from devcluster.kube import Answer, Kube, until
from tests.api.crds.rules import PLURALS, Manifest, crd

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Objects(Struct, frozen=True):
    """Providers and jobs in one namespace."""

    kube: Kube
    namespace: str

    def path(self, plural: str, name: str = "") -> str:
        """Of a collection, or of one object in it."""
        return f"/apis/cocoonfleet.io/v1alpha1/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def create(self, plural: str, manifest: Manifest, *, dry: bool = False) -> Manifest:
        """Raises Answer when it is refused."""
        return self.kube.call("POST", self.path(plural) + ("?dryRun=All" if dry else ""), manifest)

    def replace(self, plural: str, manifest: Manifest, part: str = "") -> Manifest:
        """PUT the object, or its `part` (/status)."""
        return self.kube.call("PUT", self.path(plural, manifest["metadata"]["name"]) + part, manifest)

    def get(self, plural: str, name: str) -> Manifest:
        """The object as it is stored."""
        return self.kube.call("GET", self.path(plural, name))

    def select(self, plural: str, selector: str) -> list[str]:
        """Names of the objects that a field selector finds."""
        found = self.kube.call("GET", f"{self.path(plural)}?fieldSelector={selector}")
        return [item["metadata"]["name"] for item in found["items"]]


def install(kube: Kube) -> None:
    """Apply both definitions and wait until they are served."""
    for plural in PLURALS:
        kube.apply(f"{_DEFINITIONS}/{plural}.cocoonfleet.io", crd(plural))
    until(lambda: all(_served(kube, plural) for plural in PLURALS), "our kinds being served")


def _served(kube: Kube, plural: str) -> bool:
    return kube.find(f"/apis/cocoonfleet.io/v1alpha1/{plural}") is not None


def problems(answer: Answer) -> list[tuple[str, str]]:
    """Field and message of each flaw; that flaws kept other rules from being checked is not one."""
    _, _, text = str(answer).partition(": ")
    status: dict[str, Any] = json.loads(text)
    causes = status.get("details", {}).get("causes", [])
    return [
        (cause.get("field", ""), cause["message"])
        for cause in causes
        if "rules were not checked" not in cause["message"]
    ]
