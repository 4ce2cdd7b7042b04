"""From a client's prompt to its answers: `seal`, the operator's assignment, a runner, a keyring, and `open`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from cocoon.api.job import JobSpec
from cocoon.api.job_digest import spec_digest
from cocoon.api.runner import JobAssignment, ModelAssignment
from cocoon.api.sealing import KeyringPlace
from cocoon.cli.__main__ import main
from tests.keyring import kit as keyrings
from tests.runner import kit

TERMS = """
keyring: {trust: Test}
runners: {trust: Test, measurements: [development]}
"""
SECRET = "The merger is announced on Friday."


def plain_job(model: ModelAssignment) -> dict[str, Any]:
    return {
        "apiVersion": "cocoonfleet.io/v1alpha1",
        "kind": "InferenceJob",
        "metadata": {"name": "letters", "namespace": "tenant"},
        "spec": {
            "model": model.name,
            "modelSHA256": model.sha256,
            "input": {"inline": kit.text_line(1, SECRET) + kit.text_line(2, "And it rains.")},
        },
    }


def assigned(body: dict[str, Any], model: ModelAssignment, place: KeyringPlace) -> JobAssignment:
    """As the operator assigns the job that was applied."""
    spec = msgspec.convert(body["spec"], JobSpec)
    fields = {
        "input": spec.input,
        "output": spec.output,
        "keyrings": (place,),
        "spec_sha256": spec_digest(body["spec"]),
    }
    return kit.job(model, "", "job-uid", name=body["metadata"]["name"], **fields)


async def test_nobody_but_the_client_and_the_model_reads_it(
    quick: kit.Operator, echo: ModelAssignment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def prompt(*arguments: str) -> str:
        capsys.readouterr()
        assert await asyncio.to_thread(main, arguments) == 0
        return capsys.readouterr().out

    job, terms, key = (tmp_path / name for name in ("job.yaml", "terms.yaml", "key.txt"))
    job.write_text(yaml.safe_dump(plain_job(echo)))
    terms.write_text(TERMS)
    async with keyrings.keyring(keyrings.settings(tmp_path)) as keyring:
        address = keyrings.address(keyring)
        given = ("-f", str(job), "--terms", str(terms), "--keyring", address, "--identity", str(key))
        applied = await prompt("seal", *given)
        place = KeyringPlace(address, keyring.replica.identities.current.epoch)
        event, claims = await quick.do(assigned(yaml.safe_load(applied), echo, place))
    assert (event.code, claims.outcome, claims.usage.items) == ("", "Succeeded", 2)
    answers = tmp_path / "answers.age"
    answers.write_text(event.output or "")
    assert SECRET in await prompt("open", "--file", str(answers), "-i", str(key))
    assert SECRET not in applied + (event.output or "") + event.detail + event.receipt
