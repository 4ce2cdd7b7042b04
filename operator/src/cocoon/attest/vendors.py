"""The vendors' own services, each in its own form: Intel's PCS or a PCCS, AMD's KDS, NVIDIA's RIM service and OCSP.

Sources: Intel SGX and TDX Provisioning Certification Service API, version 4; AMD document 57230, chapter 4; NVIDIA's
RIM service (`/v1/rim/ID`) and RFC 6960, appendix A.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct

from cocoon.attest import snp_report
from cocoon.attest.collateral import Need
from cocoon.attest.policy import TcbFloor
from cocoon.attest.sources import OverTheWeb, Unavailable, bounded, checked


class Addresses(Struct, frozen=True, kw_only=True):
    """Where the services are. A PCCS has the root's revocation list at `INTEL/sgx/certification/v4/rootcacrl`."""

    intel: str = "https://api.trustedservices.intel.com"
    intel_root_crl: str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    amd: str = "https://kdsintf.amd.com"
    nvidia_rims: str = "https://rim.attestation.nvidia.com"
    nvidia_ocsp: str = "https://ocsp.ndis.nvidia.com/"


#: Query parameters of the Key Distribution Service by component of a TCB version.
_KDS: Final = {"bootloader": "blSPL", "tee": "teeSPL", "snp": "snpSPL", "microcode": "ucodeSPL", "fmc": "fmcSPL"}


class _TcbInfo(Struct, rename="camel"):
    tcb_info: msgspec.Raw
    signature: str


class _Enclave(Struct, rename="camel"):
    enclave_identity: msgspec.Raw
    signature: str


class _Rim(Struct):
    rim: str


class Vendors(OverTheWeb):
    """Fetches from the vendors."""

    def __init__(self, addresses: Addresses | None = None, more_authorities: str = "") -> None:
        super().__init__(more_authorities)
        self._at = addresses or Addresses()

    async def fetch(self, need: Need) -> bytes:
        """One piece of collateral. Raises Unavailable."""
        checked(need.name)
        match need.name.split("/"):
            case ["intel", fmspc, authority]:
                return await self._intel(fmspc, authority.removesuffix(".json"))
            case ["amd", line, kind, what]:
                return (await self._web.get(f"{self._at.amd}{_kds(line, kind, what)}")).content
            case ["nvidia", "rim", file]:
                return await self._rim(file.removesuffix(".xml"))
            case ["nvidia", "ocsp", _] if need.body:
                return (await self._web.get(self._at.nvidia_ocsp, need.body)).content
        raise Unavailable("no vendor publishes collateral of that name")

    async def _intel(self, fmspc: str, authority: str) -> bytes:
        """All collateral of a platform as dcap-qvl reads it. The JSON that Intel signed is kept byte by byte."""
        base = self._at.intel
        crl = await self._web.get(f"{base}/sgx/certification/v4/pckcrl?ca={quote(authority)}&encoding=der")
        tcb = await self._web.get(f"{base}/tdx/certification/v4/tcb?fmspc={quote(fmspc)}")
        enclave = await self._web.get(f"{base}/tdx/certification/v4/qe/identity")
        root = await self._web.get(self._at.intel_root_crl)
        try:
            info = msgspec.json.decode(tcb.content, type=_TcbInfo)
            identity = msgspec.json.decode(enclave.content, type=_Enclave)
            found = {
                "pck_crl_issuer_chain": unquote(crl.headers["sgx-pck-crl-issuer-chain"]),
                "pck_crl": _der(crl.content).hex(),
                "root_ca_crl": _der(root.content).hex(),
                "tcb_info_issuer_chain": unquote(tcb.headers["tcb-info-issuer-chain"]),
                "tcb_info": bytes(info.tcb_info).decode(),
                "tcb_info_signature": info.signature,
                "qe_identity_issuer_chain": unquote(enclave.headers["sgx-enclave-identity-issuer-chain"]),
                "qe_identity": bytes(identity.enclave_identity).decode(),
                "qe_identity_signature": identity.signature,
            }
        except (msgspec.MsgspecError, UnicodeError, KeyError) as error:
            raise Unavailable(f"Intel's service answered in an unknown form ({type(error).__name__})") from None
        return bounded(msgspec.json.encode(found))

    async def _rim(self, name: str) -> bytes:
        answer = await self._web.get(f"{self._at.nvidia_rims}/v1/rim/{quote(name)}")
        try:
            return base64.b64decode(msgspec.json.decode(answer.content, type=_Rim).rim, validate=True)
        except (msgspec.MsgspecError, UnicodeError, binascii.Error, ValueError):
            raise Unavailable("NVIDIA's RIM service answered in an unknown form") from None


def _der(content: bytes) -> bytes:
    """A PCCS answers in hex where Intel answers in DER, which begins with a SEQUENCE."""
    if content[:1] == b"\x30" and content[1:2] > b"\x7f":
        return content
    try:
        return bytes.fromhex(content.decode())
    except ValueError:
        raise Unavailable("a revocation list came in an unknown form") from None


def _kds(line: str, kind: str, what: str) -> str:
    """The path at AMD's service. Only VCEKs are published; VLEKs go to cloud providers."""
    if what == "chain.pem":
        return f"/{kind}/v1/{line}/cert_chain"
    if what == "crl.der":
        return f"/{kind}/v1/{line}/crl"
    chip, _, tcb = what.removesuffix(".der").partition("-")
    try:
        levels: TcbFloor = snp_report.levels(bytes.fromhex(tcb), line)
    except (ValueError, IndexError):
        raise Unavailable("its name holds no TCB version") from None
    wanted = {word: getattr(levels, name) for name, word in _KDS.items() if name != "fmc" or line == "Turin"}
    return f"/{kind}/v1/{line}/{chip}?" + "&".join(f"{word}={level:02d}" for word, level in wanted.items())
