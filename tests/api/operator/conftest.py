"""A namespace for each test."""

from __future__ import annotations

import uuid

import pytest

from devcluster.kube import Kube


@pytest.fixture
def namespace(kube: Kube) -> str:
    """A namespace that admits restricted Pods only."""
    name = f"operator-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    return name
