"""What a runner signs is what `kubectl cocoon verify` finds to be true."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from cocoon.api.evidence import EvidenceRequest
from cocoon.api.job_digest import spec_digest
from cocoon.api.runner import Finished
from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, FAILED
from tests.runner import kit
from tests.runner.fake_triton import FakeTriton

LINES = kit.text_line(1, "a") + kit.text_line(2, "b")
SPEC = {
    "model": "echo",
    "input": {"inline": LINES},
    "output": {"configMap": {}},
    "minimumTrust": "Test",
    "maximumPrice": {"perMillionItems": "1000000"},
    "budget": "5",
}


async def work(operator: kit.Operator, folder: Path) -> list[Finished]:
    """Three jobs; the second is the one to verify."""
    echo = kit.offer(folder, kit.MODELS / "echo")
    await operator.load(echo)
    jobs = [kit.job(echo, LINES, uid=uid, spec_sha256=spec_digest(SPEC), budget="5") for uid in ("a", "b", "c")]
    return [(await operator.do(job))[0] for job in jobs]


async def verify(folder: Path, parts: dict[str, str | bytes]) -> int:
    given = []
    for name, content in parts.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        given += [] if name == "receipt" else [f"--{name}", str(folder / name)]
    return await asyncio.to_thread(
        main, ["verify", str(folder / "receipt"), "--allow-test-roots", "-o", "json", *given]
    )


async def test_a_runners_receipt(fake: FakeTriton, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        first, own, last = await work(operator, tmp_path)
        nonce = EvidenceRequest(secrets.token_bytes(32))
        _, evidence = await operator.call("POST", "/v1/evidence", nonce)
    status = {"state": "Succeeded", "receipt": own.receipt, "output": {"sha256": own.output_sha256}}
    job: dict[str, Any] = {"kind": "InferenceJob", "metadata": {"name": "b", "namespace": "tenant", "uid": "b"}}
    parts: dict[str, str | bytes] = {
        "receipt": own.receipt,
        "evidence": evidence,
        "job": json.dumps(job | {"spec": SPEC, "status": status}),
        "neighbours": f"{first.receipt}\n{last.receipt}",
        "input": LINES,
        "answers": own.output or "",
    }
    assert await verify(tmp_path, parts) == DONE
    lines = json.loads(capsys.readouterr().out)["lines"]
    assert {line["check"] for line in lines if line["holds"] != "yes"} == {"ledger", "chain"}
    assert await verify(tmp_path, parts | {"answers": "{}\n"}) == FAILED
    assert await verify(tmp_path, parts | {"receipt": first.receipt}) == FAILED
