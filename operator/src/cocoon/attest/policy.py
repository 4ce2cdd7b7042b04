"""What evidence must show before anything is entrusted to the TEE that shows it.

Everything that a vendor's report says and that matters has a term here; the defaults are the strictest. What is not
in the policy is either always required (signatures, no debugging, the binding) or harmless.
"""

from __future__ import annotations

from msgspec import Struct, field

from cocoon.api.evidence import Role
from cocoon.api.provider import GpuMode, Measurement, TcbStatus
from cocoon.api.trust import Trust


class TdxTerms(Struct, frozen=True, kw_only=True):
    """Terms for Intel TDX platforms. `minimum_tcb_date` in seconds since 1970, `platform_ids` in hex (16 bytes each).

    `minimum_evaluation` is Intel's TCB evaluation data number: whoever shows evidence may choose the oldest collateral
    that is still valid, and this number does not let them. `None` for `platform_ids` accepts every machine.
    """

    statuses: tuple[TcbStatus, ...] = ("UpToDate",)
    minimum_tcb_date: float = 0.0
    rejected_advisories: tuple[str, ...] = ()
    minimum_evaluation: int = 0
    platform_ids: frozenset[str] | None = None
    allow_smt: bool = True


class TcbFloor(Struct, frozen=True, kw_only=True):
    """Lowest security patch levels of one AMD product line; `fmc` exists on Turin only."""

    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0


class SnpTerms(Struct, frozen=True, kw_only=True):
    """Terms for AMD SEV-SNP platforms. With any floor, only product lines (Milan, Genoa, Turin) with one are accepted.

    Floors hold for the reported, the committed and the launch TCB. `chip_ids` in hex (64 bytes each); evidence that is
    signed with a VLEK names no chip and is refused if they are given.
    """

    floors: dict[str, TcbFloor] = field(default_factory=dict)
    chip_ids: frozenset[str] | None = None
    allow_smt: bool = True
    maximum_vmpl: int = 0


class GpuTerms(Struct, frozen=True, kw_only=True):
    """Terms for NVIDIA GPUs and the NVSwitches between them.

    Versions are compared number by number; an empty one accepts all. `architectures` are HOPPER and
    BLACKWELL; empty accepts every one that is known.
    """

    minimum_driver: str = ""
    minimum_vbios: str = ""
    minimum_switch_bios: str = ""
    architectures: tuple[str, ...] = ()
    modes: tuple[GpuMode, ...] = ("SPT", "MPT")


class Policy(Struct, frozen=True, kw_only=True):
    """A verifier's terms; the defaults are the strictest.

    `maximum_age` in seconds bounds how long a verdict holds, however long its statement would. `measurements` are
    accepted guests in lower-case hex, by their launch measurement alone; `guests` are accepted guests with all their
    golden values. Evidence must match one of either. While both are empty, no guest has trust Hardware, and guests with
    trust Test are not compared. `test_roots` are SHA-256 of root certificates (hex) that lead to trust Test, if test
    roots are allowed at all. `gpus` is how many GPUs there must be; None accepts any number.
    """

    role: Role = "runner"
    trust: Trust = Trust.HARDWARE
    allow_test_roots: bool = False
    test_roots: frozenset[str] = frozenset()
    maximum_age: float = 7_200.0
    measurements: tuple[str, ...] = ()
    guests: tuple[Measurement, ...] = ()
    require_gpu: bool = False
    require_revocation: bool = True
    gpus: int | None = None
    payee: str | None = None
    tdx: TdxTerms = field(default_factory=TdxTerms)
    snp: SnpTerms = field(default_factory=SnpTerms)
    gpu: GpuTerms = field(default_factory=GpuTerms)
