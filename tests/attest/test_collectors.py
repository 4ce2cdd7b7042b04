"""Collectors on devices that misbehave: they wait, ask again, or fail with a sentence that says what to do."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import pytest

from cocoon.attest.certificate_table import ARK, ASK, VCEK, VLEK, to_pem
from cocoon.attest.certificates import read_pem
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.hardware import HardwareCollector, choose
from cocoon.attest.nscq import Nscq
from cocoon.attest.nvml import Nvml
from cocoon.attest.tsm import KernelFiles, TeeFailure, Tsm
from tests.attest.configfs import ROOT, FakeConfigfs
from tests.attest.makers.amd import amd
from tests.attest.makers.nvidia import nvidia
from tests.attest.nvml_fake import FakeNvml

DATA = b"d" * 64
AT_ONCE = (0.0,) * 5


def device(provider: str = "tdx_guest") -> FakeConfigfs:
    return FakeConfigfs(provider, lambda data: b"report about " + data)


async def asked(files: FakeConfigfs, data: bytes = DATA) -> bytes:
    try:
        return (await Tsm(ROOT, files, AT_ONCE).report(data)).report
    finally:
        assert files.requests == {}, "a request was left behind"


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EINTR, errno.ETIMEDOUT, errno.EAGAIN])
async def test_a_busy_device_is_asked_again(code: int) -> None:
    files = device()
    files.busy_reads = [code] * 5
    assert await asked(files) == b"report about " + DATA
    files.busy_reads = [code] * 6
    with pytest.raises(TeeFailure, match="still busy"):
        await asked(files)


async def test_a_lost_write_gives_no_report_of_something_else() -> None:
    files = device()
    files.lost_writes = 2
    assert await asked(files) == b"report about " + DATA
    files.lost_writes = 6
    with pytest.raises(TeeFailure, match="still busy"):
        await asked(files)


async def test_another_writer_is_noticed() -> None:
    files = device()
    files.intruders = 3
    assert await asked(files) == b"report about " + DATA
    assert files.intruders == 0


@pytest.mark.parametrize(
    ("code", "says"),
    [(errno.ENXIO, "run in a TDX or SEV-SNP guest"), (errno.EACCES, "mount configfs"), (errno.EIO, "kernel log")],
)
async def test_other_errors_are_not_asked_about_again(code: int, says: str) -> None:
    files = device()
    files.busy_reads = [code] * 2
    with pytest.raises(TeeFailure, match=says):
        await asked(files)
    assert files.busy_reads == [code]


async def test_no_device_no_provider_no_report_wrong_size() -> None:
    gone = device()
    gone.there = False
    with pytest.raises(TeeFailure, match=r"There is no TEE at .*ENOENT"):
        await asked(gone)
    with pytest.raises(TeeFailure, match="'arm_cca_guest'"):
        await asked(device("arm_cca_guest"))
    with pytest.raises(TeeFailure, match="empty report"):
        await asked(FakeConfigfs("tdx_guest", lambda _: b""))
    with pytest.raises(TeeFailure, match="64 bytes, not 63"):
        await asked(device(), b"d" * 63)


async def test_the_real_device_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TeeFailure, match="There is no TEE at"):
        await Tsm(tmp_path / "tsm").report(DATA)


def test_the_kernels_files_are_written_in_one_go(tmp_path: Path) -> None:
    files, folder = KernelFiles(), tmp_path / "request"
    files.make(folder)
    (folder / "inblob").write_bytes(b"")
    files.write(folder / "inblob", DATA)
    assert files.read(folder / "inblob") == DATA
    (folder / "inblob").unlink()
    files.remove(folder)
    assert not files.exists(folder)


def table(**parts: bytes) -> bytes:
    """A host's table of certificates; VCEK in the other byte order."""
    guids = {"vlek": VLEK.bytes, "vcek": VCEK.bytes_le, "ask": ASK.bytes, "ark": ARK.bytes}
    at, head, body = 24 * (len(parts) + 1), b"", b""
    for name, der in parts.items():
        head += guids[name] + struct.pack("<II", at + len(body), len(der))
        body += der
    return head + bytes(24) + body


async def test_the_hosts_certificates_become_a_chain() -> None:
    vendor = amd()
    chip = vendor.chip()
    parts = {"ark": vendor.root.der, "vcek": chip.leaf.der, "ask": vendor.between["vcek"].der}
    files = FakeConfigfs("sev_guest", lambda data: data, table(**parts))
    found = await Tsm(ROOT, files).report(DATA)
    assert found.endorsements == vendor.endorsements(chip)
    assert len(read_pem(to_pem(table(**parts, vlek=vendor.chip("vlek").leaf.der)))) == 3
    assert to_pem(table(ask=b"x")) == b""
    assert to_pem(table(vcek=b"x")) == b""
    for raw in (b"", b"\1", b"\xff" * 10_000, table(**parts)[:100]):
        assert to_pem(raw) == b""


def cards(count: int = 1) -> FakeNvml:
    gpus = [nvidia().gpu() for _ in range(count)]
    return FakeNvml(lambda index, nonce: nvidia().evidence(gpus[index], nonce), count)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"feature": 0}, "nvidia.com/cc.mode=on"),
        ({"feature": 0, "together": 2}, "nvidia.com/cc.mode=on"),
        ({"feature": 0, "together": 1, "broken": "settings"}, "nvidia.com/cc.mode=on"),
        ({"feature": 0, "together": 1, "developing": 1}, "developer mode"),
        ({"developing": 1}, "developer mode"),
        ({"count": 0}, "knows no GPU"),
        ({"broken": "driver"}, "check the NVIDIA driver"),
        ({"broken": "report"}, "did not attest itself"),
    ],
)
async def test_gpus_that_can_not_be_asked(changes: dict[str, object], says: str) -> None:
    library = cards()
    for name, value in changes.items():
        setattr(library, name, value)
    with pytest.raises(TeeFailure, match=says):
        await Nvml(library).evidence(b"n" * 32)
    assert library.open == 0


async def test_protected_pcie_is_enough_where_the_feature_reads_as_off() -> None:
    library = cards()
    library.feature, library.together = 0, 1
    assert len(await Nvml(library).evidence(b"n" * 32)) == 1


async def test_a_machine_without_a_driver() -> None:
    assert not Nvml(cards(0)).is_there()
    real = Nvml()
    if real.is_there():
        pytest.skip("This machine has NVIDIA GPUs.")
    with pytest.raises(TeeFailure, match="GPUs can't be asked"):
        await real.evidence(b"n" * 32)


async def test_the_collector_is_chosen_by_what_the_machine_is() -> None:
    nothing, guest = device(), device("sev_guest")
    nothing.there = False
    bare, inside = Tsm(ROOT, nothing), Tsm(ROOT, guest)
    none, some = Nvml(cards(0)), Nvml(cards(2))
    assert isinstance(await choose("auto", test_roots=True, tsm=bare, nvml=some), SoftwareCollector)
    assert isinstance(await choose("software", test_roots=True, tsm=inside, nvml=some), SoftwareCollector)
    for roots in (True, False):
        found = await choose("auto", test_roots=roots, tsm=inside, nvml=some)
        assert isinstance(found, HardwareCollector)
        assert (found.tee, found.trust, found.gpus) == ("snp", "Hardware", some)
        assert isinstance(found.switches, Nscq)
    alone = await choose("tee", test_roots=False, tsm=inside, nvml=none)
    assert isinstance(alone, HardwareCollector)
    assert alone.gpus is None
    assert alone.switches is None
    for choice, tsm in (("auto", bare), ("software", inside)):
        with pytest.raises(TeeFailure, match="COCOON_TEST_ROOTS"):
            await choose(choice, test_roots=False, tsm=tsm, nvml=none)  # type: ignore[arg-type]  # literals in a tuple widen to str
    with pytest.raises(TeeFailure, match="There is no TEE"):
        await choose("tee", test_roots=True, tsm=bare, nvml=none)
