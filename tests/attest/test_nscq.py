"""NVSwitches asked through NVIDIA's library: its calls as they are declared, and what is said when it fails."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
from pathlib import Path

import pytest

from cocoon.api.evidence import Keys
from cocoon.attest import nscq_library
from cocoon.attest.hardware import HardwareCollector
from cocoon.attest.nscq import Nscq
from cocoon.attest.nscq_library import NSCQError, Session
from cocoon.attest.nvml import Nvml
from cocoon.attest.tsm import TeeFailure, Tsm
from tests.attest.configfs import ROOT, FakeConfigfs
from tests.attest.makers.hgx import Hgx, switches
from tests.attest.makers.nvidia import nvidia
from tests.attest.nscq_fake import FakeNscq
from tests.attest.nvml_fake import FakeNvml

NONCE = bytes(range(32))
KEYS = Keys(b"t" * 32, b"r" * 32, b"s" * 32)


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the real one's declarations, compiled here: what ctypes passes is what C takes."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("This machine has no C compiler.")
    made = tmp_path_factory.mktemp("nscq") / "libnvidia-nscq.so.2"
    source = Path(__file__).with_name("nscq_stub.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", made, source], check=True)
    return made


def test_the_librarys_calls(stub: Path) -> None:
    session = Session(str(stub))
    assert session.switches() == ["SWX-0", "SWX-1"]
    assert [session.mode(name) for name in session.switches()] == [3, -1]
    assert session.report("SWX-1", NONCE) == b"r\1" + NONCE
    assert session.report("SWX-0", NONCE[::-1]) == b"r\0" + NONCE[::-1]
    assert session.chain("SWX-0") == b"c\0"
    session.close()
    assert ctypes.CDLL(str(stub)).stub_open_sessions() == 0


def test_the_librarys_errors(stub: Path) -> None:
    session = Session(str(stub))
    with pytest.raises(NSCQError, match="/SWX-1/config/certificate: error -8"):
        session.chain("SWX-1")
    with pytest.raises(NSCQError, match="error -2"):
        session.chain("SWX-9")
    with pytest.raises(NSCQError, match="a nonce: error -5"):
        session.report("SWX-0", NONCE[:31])
    session.close()


def test_a_library_that_is_another_one() -> None:
    with pytest.raises(NSCQError, match="nscq_session_create"):
        Session(ctypes.util.find_library("c") or "libc.so.6")


async def test_a_machine_without_the_library() -> None:
    try:
        ctypes.CDLL(nscq_library.NAME)
    except OSError:
        with pytest.raises(TeeFailure, match=r"NVSwitches can't be asked \(.*\): have libnvidia-nscq of the driver's"):
            await Nscq().evidence(NONCE)
    else:
        pytest.skip("This machine has NVIDIA's library for NVSwitches.")


def library(board: Hgx | None = None) -> FakeNscq:
    between = board or switches().board(gpus=1)
    return FakeNscq(between.switch)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"broken": "library"}, "have libnvidia-nscq of the driver's version in the container that has the GPUs"),
        ({"broken": "report"}, "did not attest itself .*: check its driver and BIOS"),
        ({"count": 0}, "knows no NVSwitch: check that the Pod was given all"),
        ({"modes": {0: 3, 1: 1}}, "NVSwitch 1 is not locked in protected PCIe mode .*cc.mode=ppcie"),
        ({"modes": {0: -1}}, "NVSwitch 0 is not locked"),
        ({"modes": {0: 2}}, "NVSwitch 0 is not locked"),
    ],
)
async def test_switches_that_can_not_be_asked(changes: dict[str, object], says: str) -> None:
    found = library()
    for name, value in changes.items():
        setattr(found, name, value)
    with pytest.raises(TeeFailure, match=says):
        await Nscq(found).evidence(NONCE)
    assert found.open == 0


async def asked(board: Hgx, mode: bytes) -> tuple[int, FakeNscq]:
    """How many switches a bundle shows of a board whose GPUs are in this mode."""
    cards = FakeNvml(lambda number, nonce: board.gpu(number, nonce, mode=mode), len(board.gpus))
    found, files = library(board), FakeConfigfs("tdx_guest", lambda data: data)
    collector = HardwareCollector(tee="tdx", cpu=Tsm(ROOT, files), gpus=Nvml(cards), switches=Nscq(found))
    return len((await collector.collect(NONCE, KEYS, "UQpayee")).switches), found


async def test_switches_are_asked_if_gpus_rest_on_them_and_with_a_nonce_of_their_own() -> None:
    board = switches().board(gpus=1)
    count, found = await asked(board, b"\2\0")
    assert count == 4
    (nonce,) = set(found.asked)
    assert nonce != NONCE
    for mode in (b"\0\0", b"\1\0"):
        count, found = await asked(board, mode)
        assert (count, found.asked) == (0, [])


async def test_no_switch_no_evidence() -> None:
    """A guest in protected PCIe mode whose switches can't be asked shows nothing rather than half."""
    board = switches().board(gpus=1)
    cards = FakeNvml(board.gpu, 1)
    found = library(board)
    found.broken = "library"
    collector = HardwareCollector(tee="tdx", cpu=Tsm(ROOT), gpus=Nvml(cards), switches=Nscq(found))
    with pytest.raises(TeeFailure, match="NVSwitches can't be asked"):
        await collector.collect(NONCE, KEYS, "UQpayee")


async def test_reports_that_can_not_be_read_are_the_verifiers_to_complain_of() -> None:
    cards = FakeNvml(lambda _, __: nvidia().evidence(nvidia().gpu(), NONCE, mode=b"\7"), 1)
    found, files = library(), FakeConfigfs("tdx_guest", lambda data: data)
    collector = HardwareCollector(tee="tdx", cpu=Tsm(ROOT, files), gpus=Nvml(cards), switches=Nscq(found))
    assert (await collector.collect(NONCE, KEYS, "UQpayee")).switches == ()
