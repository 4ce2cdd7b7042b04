"""Answers that were sealed to the client, from the cluster to the client's screen."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cocoon.attest import sealing
from cocoon.attest.age import armor, keys
from cocoon.cli.failure import FAILED, MISSING
from cocoon.cli.identity_file import own_recipient
from tests.api.cli.conftest import Site

pytestmark = pytest.mark.api
JOB: dict[str, Any] = {
    "apiVersion": "cocoonfleet.io/v1alpha1",
    "kind": "InferenceJob",
    "metadata": {"name": "letters"},
    "spec": {"model": "minilm", "input": {"inline": "{}"}},
}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "key.txt"


def sealed(key: Path, content: bytes) -> str:
    head, sealer = sealing.begin_output(keys.recipient_key(own_recipient(key)))
    return armor.encode(head + sealer.push(content) + sealer.finish()).decode()


def answered(site: Site, text: str, digest: str) -> None:
    site.create("inferencejobs", JOB)
    output = {"configMap": "letters-output", "sha256": digest, "bytes": len(text)}
    site.say("inferencejobs", "letters", {"state": "Succeeded", "output": output})
    body = {"metadata": {"name": "letters-output"}, "data": {"output.jsonl": text}}
    site.kube.call("POST", f"/api/v1/namespaces/{site.namespace}/configmaps", body)


def test_the_answers_of_a_job(site: Site, key: Path) -> None:
    text = sealed(key, b"secret\n" * 1_000)
    answered(site, text, hashlib.sha256(text.encode()).hexdigest())
    to = key.with_name("answers")
    assert site.run("open", "letters", "-i", str(key), "-o", str(to)).status == 0
    assert to.read_bytes() == b"secret\n" * 1_000


def test_answers_that_somebody_replaced(site: Site, key: Path) -> None:
    """Whoever knows the client's recipient can seal something else to it."""
    answered(site, sealed(key, b"other"), hashlib.sha256(sealed(key, b"secret").encode()).hexdigest())
    answer = site.run("open", "letters", "-i", str(key))
    assert (answer.status, "somebody changed it" in answer.err) == (FAILED, True)


def test_a_job_without_answers_and_one_that_is_not_there(site: Site, key: Path) -> None:
    own_recipient(key)
    site.create("inferencejobs", JOB)
    assert "has no answers" in site.run("open", "letters", "-i", str(key)).err
    site.say("inferencejobs", "letters", {"output": {"uri": "https://store.example/a", "sha256": "0" * 64, "bytes": 1}})
    assert "https://store.example/a" in site.run("open", "letters", "-i", str(key)).err
    assert site.run("open", "nothing", "-i", str(key)).status == MISSING
