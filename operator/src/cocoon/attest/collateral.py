"""What a verifier needs besides the evidence: certificates, revocation lists, TCB tables and reference measurements.

A piece of collateral has a name that is also its path in a folder, so that a site without a network keeps it in files:

    intel/FMSPC/CA.json                     TDX: all collateral of a platform, as dcap-qvl's QuoteCollateralV3
    amd/PRODUCT/vcek/CHIP-TCB.der           SEV-SNP: the certificate of one chip at one TCB (hex)
    amd/PRODUCT/{vcek,vlek}/chain.pem       the intermediate and root certificates above it
    amd/PRODUCT/{vcek,vlek}/crl.der         what AMD has revoked
    nvidia/rim/ID.xml                       reference measurements of a driver or VBIOS, signed
    nvidia/ocsp/SHA256.der                  the OCSP answer about the certificate with this SHA-256

Whatever it is, it authenticates itself: it is signed by the vendor, so its source need not be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from cocoon.attest.findings import Findings

#: The largest piece of collateral that is read.
MAXIMUM_BYTES = 1 << 20


class Need(Struct, frozen=True):
    """One piece of collateral by name; `body` is what has to be posted to ask for it (an OCSP request, in DER)."""

    name: str
    body: bytes = b""


class Collateral(Struct, frozen=True):
    """What is at hand, by name, and in a few words why what is `missing` is not; `otherwise` is why all else is not."""

    items: Mapping[str, bytes] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = "no source of collateral is configured"

    def get(self, name: str, findings: Findings) -> bytes | None:
        """The content; if it is not at hand, that is noted."""
        content = self.items.get(name)
        if content is None:
            why = self.missing.get(name, self.otherwise)
            findings.refuse(
                "CollateralMissing",
                f"The collateral {name} is missing: {why}. Make its source reachable, or add the file.",
            )
        return content


NONE = Collateral()
