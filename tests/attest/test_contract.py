"""What every collector keeps to. The same tests run on the fakes, on the software stand-in and on hardware.

On a machine that is no confidential guest the hardware's turn is skipped, and says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cocoon.api.evidence import Keys
from cocoon.attest import bundle as bundles
from cocoon.attest.collect import Collector, SoftwareCollector
from cocoon.attest.hardware import HardwareCollector, choose
from cocoon.attest.nscq import Nscq
from cocoon.attest.nvml import Nvml
from cocoon.attest.policy import Policy
from cocoon.attest.tsm import Tsm
from cocoon.attest.verify import verify
from tests.attest.configfs import ROOT, FakeConfigfs
from tests.attest.makers.amd import amd
from tests.attest.makers.certificates import AT
from tests.attest.makers.hgx import switches
from tests.attest.makers.intel import intel
from tests.attest.makers.nvidia import nvidia
from tests.attest.nscq_fake import FakeNscq
from tests.attest.nvml_fake import FakeNvml

KEYS = Keys(b"t" * 32, b"r" * 32, b"s" * 32)
#: Reasons that only say that this test holds no collateral, golden values or vendor's root.
TERMS = {
    "CollateralMissing", "NoMeasurements", "RootUntrusted", "TrustTooLow", "TestRootRefused", "ChainMissing", "GpuMode",
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    collector: Collector
    requests: Path | None = None


@pytest.fixture(params=["software", "fake TDX", "fake SEV-SNP with GPUs", "fake TDX with a board", "hardware"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "software":
        yield Subject(SoftwareCollector(now=lambda: AT))
    elif request.param == "fake TDX":
        platform = intel().platform()
        files = FakeConfigfs("tdx_guest", lambda data: intel().quote(platform, data))
        yield Subject(HardwareCollector(tee="tdx", cpu=Tsm(ROOT, files)))
        assert files.requests == {}
    elif request.param == "fake SEV-SNP with GPUs":
        chip, gpus = amd().chip(), [nvidia().gpu(), nvidia().gpu()]
        files = FakeConfigfs("sev_guest", lambda data: amd().report(chip, data), b"")
        nvml = Nvml(FakeNvml(lambda index, nonce: nvidia().evidence(gpus[index], nonce), len(gpus)))
        yield Subject(HardwareCollector(tee="snp", cpu=Tsm(ROOT, files), gpus=nvml))
        assert files.requests == {}
    elif request.param == "fake TDX with a board":
        platform, board = intel().platform(), switches().board()
        files = FakeConfigfs("tdx_guest", lambda data: intel().quote(platform, data))
        nvml, nscq = Nvml(FakeNvml(board.gpu, len(board.gpus))), Nscq(FakeNscq(board.switch))
        yield Subject(HardwareCollector(tee="tdx", cpu=Tsm(ROOT, files), gpus=nvml, switches=nscq))
        assert files.requests == {}
    else:
        tsm = Tsm()
        if not tsm.is_there():
            pytest.skip("This machine is no TDX or SEV-SNP guest: /sys/kernel/config/tsm/report is not there.")
        yield Subject(await choose("tee", test_roots=False))


async def test_a_bundle_answers_what_it_was_asked(subject: Subject) -> None:
    found = await subject.collector.collect(b"n" * 32, KEYS, "UQpayee")
    assert (found.nonce, found.keys, found.payee, found.role) == (b"n" * 32, KEYS, "UQpayee", "runner")
    assert found.tee == subject.collector.tee
    assert bundles.decode(bundles.encode(found)) == found


async def test_the_tee_vouches_for_all_of_it(subject: Subject) -> None:
    """The verifier finds nothing wrong with what was signed; that it holds no roots and values is another matter."""
    found = await subject.collector.collect(b"n" * 32, KEYS, "UQpayee")
    verdict = verify(bundles.encode(found), b"n" * 32, Policy(), AT)
    assert {reason.code for reason in verdict.reasons} <= TERMS
    stolen = verify(bundles.encode(found), b"m" * 32, Policy(payee="UQthief"), AT)
    assert {"NonceMismatch", "PayeeMismatch"} <= {reason.code for reason in stolen.reasons}


async def test_each_answer_is_fresh(subject: Subject) -> None:
    one = await subject.collector.collect(b"n" * 32, KEYS, "UQpayee")
    two = await subject.collector.collect(b"m" * 32, KEYS, "UQpayee")
    assert one.cpu != two.cpu
    assert bundles.digest(one) == bundles.digest(two)
    assert len(one.gpus) == len(two.gpus)
    assert {gpu.report for gpu in one.gpus}.isdisjoint(gpu.report for gpu in two.gpus)
    assert len(one.switches) == len(two.switches)
    assert {switch.report for switch in one.switches}.isdisjoint(switch.report for switch in two.switches)


async def test_a_collector_claims_no_more_than_it_can_show(subject: Subject) -> None:
    found = await subject.collector.collect(b"n" * 32, KEYS, "UQpayee")
    assert (subject.collector.trust == "Test") == (found.tee == "development")
