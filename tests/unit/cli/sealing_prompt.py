"""A person at a prompt who seals: a job, terms and a key in one folder, and a keyring on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from cocoon.api.sealing import JobPolicy
from cocoon.attest import sealing
from cocoon.attest.age import header as headers
from cocoon.cli.__main__ import main
from cocoon.keyring.process import Keyring
from tests.keyring import kit
from tests.unit.age.files import parts, unseal

JOB = {
    "apiVersion": "cocoonfleet.io/v1alpha1",
    "kind": "InferenceJob",
    "metadata": {"name": "letters", "namespace": "tenant"},
    "spec": {"model": "minilm", "modelSHA256": kit.MODEL, "input": {"inline": "a secret\n"}},
}
TERMS = {"keyring": {"trust": "Test"}, "runners": {"trust": "Test", "measurements": ["development"]}, "releases": 2}


class Prompt:
    """A person with a job, terms and a key in one folder."""

    def __init__(self, folder: Path, keyring: Keyring, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.keyring, self.capsys = folder, keyring, capsys
        self.job: dict[str, Any] = yaml.safe_load(yaml.safe_dump(JOB))
        self.terms: dict[str, Any] = yaml.safe_load(yaml.safe_dump(TERMS))
        self.key = folder / "key.txt"
        self.said = ""

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status and standard output; what went to standard error is in `said`."""
        self.capsys.readouterr()
        status = await asyncio.to_thread(main, arguments)
        captured = self.capsys.readouterr()
        self.said = captured.err
        return status, captured.out

    async def seal(self, *arguments: str, keyring: str | None = None, identity: bool = True) -> tuple[int, str]:
        """Seal the job as it is now."""
        job, terms = self.folder / "job.yaml", self.folder / "terms.yaml"
        job.write_text(yaml.safe_dump(self.job))
        terms.write_text(yaml.safe_dump(self.terms))
        given = [
            "-f",
            str(job),
            "--terms",
            str(terms),
            *(["--identity", str(self.key)] if identity else []),
            *arguments,
        ]
        if "--evidence" not in arguments:
            given += ["--keyring", keyring or kit.address(self.keyring)]
        return await self.run("seal", *given)

    def opened(self, file: bytes) -> tuple[JobPolicy, bytes]:
        """As the keyring's identity opens it."""
        content = unseal(file, self.keyring.replica.identities.current.key)
        return sealing.policy_of(headers.parse(parts(file)[0])), content
