"""An AttestationPolicy as people write it, in an object or a file, as the verifiers read it."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import structs
from msgspec.structs import asdict

from cocoon.api.provider import AttestationPolicy
from cocoon.attest.policy import GpuTerms, Policy, SnpTerms, TcbFloor, TdxTerms

#: Hex digits of a TDX platform instance id; an SNP chip's has more.
_TDX_ID = 32


def with_terms(policy: Policy, said: AttestationPolicy) -> Policy:
    """The policy with what was said of guests, platforms, GPUs and revocation."""
    return structs.replace(
        policy,
        guests=said.measurements,
        require_revocation=said.require_revocation_check,
        tdx=_tdx(said),
        snp=_snp(said),
        gpu=_gpu(said),
    )


def _tdx(said: AttestationPolicy) -> TdxTerms:
    return TdxTerms(
        statuses=said.allowed_tcb_statuses,
        minimum_tcb_date=_midnight(said.minimum_tcb_date),
        rejected_advisories=said.rejected_advisories,
        minimum_evaluation=said.minimum_tcb_evaluation,
        platform_ids=_ids(said, of_tdx=True),
    )


def _snp(said: AttestationPolicy) -> SnpTerms:
    floors = {each.product: asdict(each) for each in said.minimum_amd_tcb}
    return SnpTerms(
        floors={
            line: TcbFloor(**{name: level for name, level in levels.items() if name != "product"})
            for line, levels in floors.items()
        },
        chip_ids=_ids(said, of_tdx=False),
    )


def _gpu(said: AttestationPolicy) -> GpuTerms:
    return GpuTerms(
        minimum_driver=said.gpu.minimum_driver_version or "",
        minimum_vbios=said.gpu.minimum_vbios_version or "",
        minimum_switch_bios=said.gpu.minimum_switch_bios_version or "",
        architectures=said.gpu.allowed_architectures,
        modes=said.gpu.allowed_modes,
    )


def _ids(said: AttestationPolicy, *, of_tdx: bool) -> frozenset[str] | None:
    """The machines of one kind that are accepted: none of it, if only machines of the other kind are listed."""
    if not said.platform_ids:
        return None
    return frozenset(each for each in said.platform_ids if (len(each) == _TDX_ID) == of_tdx)


def _midnight(date: str | None) -> float:
    """The start of a day in UTC, in seconds since 1970; infinity, so that no platform is new enough, if it is none."""
    if date is None:
        return 0.0
    try:
        return datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return float("inf")
