"""Which collateral a verdict on a bundle takes. Pure, and cheap: the bundle is read, not believed."""

from __future__ import annotations

from collections.abc import Iterator

from cocoon.api.evidence import Bundle, GpuEvidence, SwitchEvidence
from cocoon.attest import (
    certificates,
    ocsp,
    rim,
    roots,
    snp_certificates,
    snp_report,
    verify_gpu,
    verify_switch,
    verify_tdx,
)
from cocoon.attest.certificates import BadCertificates
from cocoon.attest.collateral import Collateral, Need
from cocoon.attest.devices import FIRST_REVOCABLE
from cocoon.attest.rim import BadRim
from cocoon.attest.spdm import MalformedReport


def needs(bundle: Bundle) -> tuple[Need, ...]:
    """What the verifiers will look for, each piece once. Never raises: what can't be read needs nothing."""
    found = [*_cpu(bundle), *(need for gpu in bundle.gpus for need in _gpu(gpu))]
    found += (need for switch in bundle.switches for need in _switch(switch))
    return tuple({need.name: need for need in found}.values())


def more_needs(collateral: Collateral) -> tuple[Need, ...]:
    """What only becomes known from collateral: the revocation of those who signed the reference measurements."""
    found: list[Need] = []
    for name, raw in collateral.items.items():
        if name.startswith("nvidia/rim/"):
            try:
                found += ocsp.needs(rim.read(raw).chain, 0)
            except BadRim:
                continue  # the verifier says so
    return tuple({need.name: need for need in found}.values())


def _cpu(bundle: Bundle) -> Iterator[Need]:
    if bundle.tee == "tdx":
        quote = verify_tdx.parse(bundle.cpu)
        name = verify_tdx.collateral_name(quote) if quote is not None else ""
        if name:
            yield Need(name)
    elif bundle.tee == "snp":
        yield from _snp(bundle)


def _snp(bundle: Bundle) -> Iterator[Need]:
    try:
        report = snp_report.parse(bundle.cpu)
        shown = certificates.read_pem(bundle.endorsements) if bundle.endorsements else ()
    except (snp_report.MalformedReport, BadCertificates):
        return
    line, kind = snp_certificates.line_of(report, shown), snp_report.SIGNERS.get(report.signer)
    if line not in roots.AMD or kind is None:
        return
    if kind == "vcek" and not shown:
        yield Need(snp_certificates.vcek_name(report, line))
    yield Need(snp_certificates.chain_name(line, kind))
    yield Need(snp_certificates.crl_name(line, kind))


def _gpu(shown: GpuEvidence) -> Iterator[Need]:
    try:
        gpu = verify_gpu.read(shown)
    except (MalformedReport, BadCertificates):
        return
    yield from (Need(name) for name in verify_gpu.rim_names(gpu.report, gpu.chip))
    yield from ocsp.needs(gpu.chain, FIRST_REVOCABLE)


def _switch(shown: SwitchEvidence) -> Iterator[Need]:
    try:
        switch = verify_switch.read(shown)
    except (MalformedReport, BadCertificates):
        return
    yield Need(verify_switch.rim_name(switch.report))
    yield from ocsp.needs(switch.chain, FIRST_REVOCABLE)
