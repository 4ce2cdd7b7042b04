"""A runner whose TEE fails says so to whoever asks for evidence, and goes on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cocoon.api.evidence import EvidenceRequest
from cocoon.api.runner import Problem
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.hardware import HardwareCollector
from cocoon.attest.tsm import Tsm
from tests.attest.configfs import ROOT, FakeConfigfs
from tests.runner import kit
from tests.runner.fake_triton import FakeTriton


async def test_a_tee_that_fails_is_told_in_a_sentence(tmp_path: Path) -> None:
    files = FakeConfigfs("tdx_guest", lambda data: data)
    collector = HardwareCollector(tee="tdx", cpu=Tsm(ROOT, files))
    async with kit.running(kit.settings(tmp_path), FakeTriton(), collector) as operator:
        status, _ = await operator.call("POST", "/v1/evidence", EvidenceRequest(bytes(32)))
        assert status == 200
        files.there = False
        status, raw = await operator.call("POST", "/v1/evidence", EvidenceRequest(bytes(32)))
        assert status == 503
        problem = msgspec.json.decode(raw, type=Problem)
        assert problem.code == "EvidenceUnavailable"
        assert "There is no TEE" in problem.detail
        status, _ = await operator.call("GET", "/v1/models", None)
        assert status == 200


async def test_who_asks_for_evidence_too_often_is_told_so_and_nobody_else_may_ask(tmp_path: Path) -> None:
    async with kit.running(kit.settings(tmp_path), FakeTriton(), SoftwareCollector()) as operator:
        asked = [await operator.call("POST", "/v1/evidence", EvidenceRequest(bytes(32))) for _ in range(40)]
        assert {status for status, _ in asked[:32]} == {200}
        status, raw = asked[-1]
        problem = msgspec.json.decode(raw, type=Problem)
        assert (status, problem.code) == (429, "TooManyRequests")
        assert "ask again" in problem.detail
        assert (await operator.call("GET", "/v1/models", None))[0] == 200
