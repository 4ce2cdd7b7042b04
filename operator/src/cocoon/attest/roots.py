"""Which root certificates lead to trust in hardware: SHA-256 of the vendors' self-signed roots, in DER.

Sources: Intel SGX Root CA (the one that dcap-qvl carries), AMD's Key Distribution Service (`cert_chain` of each product
line), NVIDIA's nvtrust repository (`verifier_device_root.pem`, `verifier_RIM_root.pem`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cocoon.api.trust import Trust
from cocoon.attest.findings import Findings
from cocoon.attest.policy import Policy

INTEL: Final = frozenset({"44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"})
AMD: Final = {
    "Milan": "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
    "Genoa": "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
    "Turin": "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
}
NVIDIA_DEVICES: Final = frozenset({"102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"})
NVIDIA_RIMS: Final = frozenset({"12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1"})


def settle(root: str, vendor: Collection[str], policy: Policy, findings: Findings, what: str) -> bool:
    """Note the trust that a chain with this root (SHA-256, hex) gives; whether it leads anywhere that is allowed."""
    if root in vendor:
        return True
    findings.trust = Trust.TEST
    if root not in policy.test_roots:
        findings.refuse("RootUntrusted", f"The root of {what} is neither the vendor's nor a known test root.")
        return False
    return findings.check(
        policy.allow_test_roots,
        "TestRootRefused",
        f"The root of {what} is a test root, and test roots are not allowed.",
    )
