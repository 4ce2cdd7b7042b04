"""What GPUs and NVSwitches have in common as devices of NVIDIA that attest themselves.

    NVIDIA Device Identity CA (pinned) -> chip identity -> provisioner -> BROM, of one device -> leaf, of one firmware

Each signs measurements, which are compared with those that NVIDIA has published and signed for its firmware. What is
wrong with one is said by the verifier of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, Generic, TypeVar

from cryptography import x509
from msgspec import Struct

from cocoon.attest import certificates, ocsp, rim, roots
from cocoon.attest.case import Case
from cocoon.attest.certificates import BadCertificates, Chain
from cocoon.attest.findings import Findings
from cocoon.attest.rim import BadRim, Rim
from cocoon.attest.spdm import Message

#: Leaf, BROM, provisioner, chip identity, root.
CHAIN_LENGTH: Final = 5
#: The first certificate whose revocation is asked about.
FIRST_REVOCABLE: Final = 1
_FWIDS: Final = ("2.23.133.5.4.1", "2.23.133.5.4.1.1")

R = TypeVar("R", bound=Message)


class Device(Struct, Generic[R], frozen=True):
    """One device as far as it could be read; `name` is what messages call it, `chip` what its certificates do."""

    name: str
    chip: str
    raw: bytes
    report: R
    chain: Chain

    @property
    def identity(self) -> bytes:
        """What no two devices share: the certificate of its BROM, in DER."""
        return certificates.der(self.chain[1])

    @property
    def is_signed(self) -> bool:
        """Whether the report is signed by the leaf's key."""
        report = self.report
        return certificates.is_signed(self.chain[0], report.r, report.s, self.raw[: report.signed])


def read_chain(pem: bytes) -> Chain:
    """A device's certificates, from the leaf up. Raises BadCertificates."""
    chain = certificates.read_pem(pem)
    if len(chain) != CHAIN_LENGTH:
        raise BadCertificates(f"{len(chain)} instead of {CHAIN_LENGTH}")
    return chain


def first_word(certificate: x509.Certificate) -> str:
    """The chip that a certificate is for, the first word of its name."""
    return certificates.plain_name(certificate).split(" ")[0]


def check_chain(name: str, chain: Chain, case: Case, findings: Findings) -> None:
    """Note it unless the certificates lead to NVIDIA and hold."""
    root = certificates.fingerprint(chain[-1])
    roots.settle(root, roots.NVIDIA_DEVICES, case.policy, findings, f"the certificates of {name}")
    certificates.check_chain(chain, case.now, findings, case.links)
    ocsp.check_chain(chain, FIRST_REVOCABLE, case, findings)


def has_fwid(leaf: x509.Certificate, fwid: bytes) -> bool:
    """Whether the leaf was issued to the firmware with this id (TCG DICE): it ends one form, and is in the other."""
    values = [certificates.extension(leaf, oid) or b"" for oid in _FWIDS]
    return len(fwid) == 48 and (values[0].endswith(fwid) or fwid in values[1])


def numbers(version: str, base: int) -> tuple[int, ...]:
    """A version for comparison; what is no number counts as 0."""
    parts = version.split(".") if version else []
    digits = "0123456789abcdef"[:base]
    return tuple(int(part, base) if part and set(part.lower()) <= set(digits) else 0 for part in parts)


def reference(name: str, version: str, fits: Callable[[str], bool], case: Case, findings: Findings) -> Rim | None:
    """The reference measurements of this name, if NVIDIA signed them for this version and a product that fits."""
    raw = case.collateral.get(name, findings)
    if raw is None:
        return None
    try:
        found = rim.read(raw)
    except BadRim as error:
        findings.refuse("CollateralMalformed", f"The reference measurements {name} do not hold: {error}.")
        return None
    if case.is_first(name):
        root = certificates.fingerprint(found.chain[-1])
        roots.settle(root, roots.NVIDIA_RIMS, case.policy, findings, f"the reference measurements {name}")
        certificates.check_chain(found.chain, case.now, findings, case.links)
        ocsp.check_chain(found.chain, 0, case, findings)
    right = found.version == version.upper() and fits(found.product)
    findings.check(right, "RimMismatch", f"The reference measurements {name} are of another chip or version.")
    return found


def differing(report: Message, found: Iterable[Rim], excused: Collection[int] = ()) -> list[str]:
    """Which measurements are not what they must be, by index; those that are `excused` may be anything."""
    golden = {index: values for each in found for index, values in each.golden.items() if index not in excused}
    shown = {index: value.hex() for index, value in report.measurements.items()}
    return [str(index) for index, values in sorted(golden.items()) if shown.get(index) not in values]
