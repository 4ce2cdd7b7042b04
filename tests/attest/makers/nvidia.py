"""NVIDIA GPUs and NVSwitches under a test root: reports, certificates, signed reference measurements, OCSP answers."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from lxml import etree
from msgspec import Struct
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from cocoon.api.evidence import GpuEvidence
from cocoon.attest.collateral import Collateral
from tests.attest.makers.certificates import DAY, NOW, SHA384, Authority, Wish, certify, p384, raw_signature

SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
HASHES = "http://www.w3.org/2001/04/xmlenc#sha384"
DRIVER = "580.95.05"
VBIOS = "96.00.74.00.01"
MEASUREMENTS = tuple(bytes([index]) * 48 for index in range(64))
DRIVER_INDICES, VBIOS_INDICES = range(12, 36), range(12)


class Gpu(Struct, frozen=True):
    """One GPU: its chain from the leaf up, and the id of its firmware."""

    chip: str
    chain: tuple[Authority, ...]
    fwid: bytes

    @property
    def pem(self) -> bytes:
        return b"".join(each.pem for each in self.chain)


class Fields(Struct, frozen=True, kw_only=True):
    """What a report says besides the nonce; None leaves a field out."""

    driver: str = DRIVER
    vbios: bytes = bytes.fromhex("0074009601000000")
    mode: bytes | None = b"\0\0"
    measurements: tuple[bytes, ...] = MEASUREMENTS
    decoder: bytes = b"\x55"
    board: tuple[bytes, bytes, bytes] = (b"G520", b"0200", b"885")
    fwid: bytes | None = None
    switches: bytes = bytes(144)


class Nvidia:
    """The authorities for devices, for reference measurements, and a responder of each."""

    def __init__(self, chip: str = "GH100") -> None:
        self.chip = chip
        self.root = certify("TEST Device Identity CA", p384())
        self.identity = certify(f"TEST {chip} Identity", p384(), self.root)
        self.provisioner = certify(f"TEST {chip} Provisioner ICA 1", p384(), self.identity)
        self.rim_root = certify("TEST CoRIM signing Root CA", p384())
        between = certify(f"TEST Reference Value {chip} CA", p384(), self.rim_root)
        self.rim_issuer = certify(f"TEST Reference Value L3 {chip}", p384(), between)
        self.rim_signer = certify("TEST RIM L4 Signer", p384(), self.rim_issuer, Wish(ca=False))
        self.rim_chain = (self.rim_signer, self.rim_issuer, between, self.rim_root)
        self._responders: dict[str, Authority] = {}

    @property
    def fingerprints(self) -> tuple[str, str]:
        return self.root.fingerprint, self.rim_root.fingerprint

    def gpu(self, *, tcb_info: bool = False, **wish: Any) -> Gpu:
        """A GPU; Blackwell's leaves carry the id of their firmware in another extension."""
        fwid = os.urandom(48)
        brom = certify(f"{self.chip} A01 GSP BROM", p384(), self.provisioner)
        oid, value = "2.23.133.5.4.1", b"\x30\x34\xa6\x32\x30\x30" + fwid
        if tcb_info:
            oid, value = "2.23.133.5.4.1.1", value + b"\x85\x01\x00"
        leaf = certify(f"{self.chip} A01 GSP FMC LF", p384(), brom, Wish(ca=False, extensions=[(oid, value)], **wish))
        return Gpu(self.chip, (leaf, brom, self.provisioner, self.identity, self.root), fwid)

    def evidence(self, gpu: Gpu, nonce: bytes, **fields: Any) -> GpuEvidence:
        """A signed report and its chain; `fields` are those of `Fields`."""
        said = Fields(**fields)
        return GpuEvidence(signed(gpu.chain[0].key, nonce, said.measurements, _opaque(said, gpu)), gpu.pem)

    def rim(self, version: str, indices: Sequence[int], **wish: Any) -> bytes:
        """Signed reference measurements; `wish` may name `product`, `golden`, `signer` and `chain`."""
        tag = _tag(version, indices, wish.get("golden", MEASUREMENTS), wish.get("product", self.chip))
        signer, chain = wish.get("signer", self.rim_signer), wish.get("chain", self.rim_chain)
        signing = XMLSigner(
            signature_algorithm=SignatureMethod.ECDSA_SHA384,
            digest_algorithm=DigestAlgorithm.SHA384,
            c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_1,
        )
        signed = signing.sign(tag, key=signer.key, cert=[each.certificate for each in chain])
        return bytes(etree.tostring(signed))

    def good(self, subject: Authority, issuer: Authority, **wish: Any) -> bytes:
        """An OCSP answer of the issuer's responder; `wish` are those of `_answer`."""
        return _answer(subject, issuer, self._responder(issuer), **wish)

    def _responder(self, issuer: Authority) -> Authority:
        if issuer.fingerprint not in self._responders:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]).public_bytes()
            wish = Wish(ca=False, extensions=[("2.5.29.37", usage)])
            self._responders[issuer.fingerprint] = certify("TEST OCSP responder", p384(), issuer, wish)
        return self._responders[issuer.fingerprint]

    def collateral(self, *gpus: Gpu, **changes: bytes) -> Collateral:
        """All that a verdict on these GPUs takes; `changes` replaces the items `driver` and `vbios`."""
        prefix = "NV_GPU_DRIVER_GH100" if self.chip == "GH100" else f"NV_GPU_CC_DRIVER_{self.chip}"
        items = {
            f"nvidia/rim/{prefix}_{DRIVER}.xml": changes.get("driver") or self.rim(DRIVER, DRIVER_INDICES),
            f"nvidia/rim/NV_GPU_VBIOS_G520_0200_885_{VBIOS.replace('.', '')}.xml": changes.get("vbios")
            or self.rim(VBIOS, VBIOS_INDICES),
        }
        for chain in (self.rim_chain, *(gpu.chain[1:] for gpu in gpus)):
            for subject, issuer in pairwise(chain):
                items.setdefault(f"nvidia/ocsp/{subject.fingerprint}.der", self.good(subject, issuer))
        return Collateral(items)


def _opaque(said: Fields, gpu: Gpu) -> bytes:
    project, sku, chip_sku = said.board
    fields: dict[int, bytes] = {
        3: said.driver.encode() + b"\0",
        6: said.vbios,
        11: said.decoder,
        15: chip_sku + b"\0",
        17: project + b"\0",
        18: sku + b"\0",
        20: said.fwid or gpu.fwid,
        22: said.switches,
        34: b"\1\0",
    }
    if gpu.chip != "GH100":
        fields[35] = gpu.chip.encode() + b"\0"
    if said.mode is not None:
        fields[36] = said.mode
    return packed(fields)


def packed(fields: Mapping[int, bytes]) -> bytes:
    """Opaque data with these fields."""
    return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in fields.items())


def signed(key: ec.EllipticCurvePrivateKey, nonce: bytes, measurements: Sequence[bytes], opaque: bytes) -> bytes:
    """A request with its response, as devices sign them."""
    blocks = b"".join(
        struct.pack("<BBHBH", index + 1, 1, 51, 1, 48) + value for index, value in enumerate(measurements)
    )
    body = b"\x11\xe0\x01\xff" + nonce + b"\0" + b"\x11\x60\0\0" + bytes([len(measurements)])
    body += len(blocks).to_bytes(3, "little") + blocks + bytes(32) + struct.pack("<H", len(opaque)) + opaque
    return body + raw_signature(key, body, 48)


def _tag(version: str, indices: Sequence[int], golden: Sequence[bytes], product: str) -> etree._Element:
    names: Mapping[str | None, str] = {None: SWID, "ns0": SWID, "ns2": HASHES}
    root = etree.Element(f"{{{SWID}}}SoftwareIdentity", nsmap=dict(names))
    root.set("name", product)
    etree.SubElement(root, f"{{{SWID}}}Meta", colloquialVersion=version, product=product)
    payload = etree.SubElement(root, f"{{{SWID}}}Payload")
    for index in range(64):
        resource = etree.SubElement(payload, f"{{{SWID}}}Resource", index=str(index), type="Measurement")
        resource.set("active", str(index in indices))
        resource.set("alternatives", "2")
        resource.set(f"{{{HASHES}}}Hash0", "00" * 48)
        resource.set(f"{{{HASHES}}}Hash1", golden[index].hex())
    return root


def _answer(
    subject: Authority,
    issuer: Authority,
    responder: Authority,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    ends: datetime = NOW + DAY,
) -> bytes:
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=subject.certificate,
            issuer=issuer.certificate,
            algorithm=SHA384,
            cert_status=status,
            this_update=NOW - DAY / 24,
            next_update=ends,
            revocation_time=NOW - DAY if revoked else None,
            revocation_reason=x509.ReasonFlags.certificate_hold if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        .certificates([responder.certificate])
    )
    return builder.sign(responder.key, hashes.SHA384()).public_bytes(Encoding.DER)


@cache
def nvidia(chip: str = "GH100") -> Nvidia:
    """One vendor of each chip for a test run."""
    return Nvidia(chip)
