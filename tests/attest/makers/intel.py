"""Intel TDX under a test root: platforms, quotes (version 4) and the collateral that Intel publishes for them."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from datetime import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct, structs

from cocoon.attest.collateral import Collateral
from tests.attest.makers.certificates import (
    DAY,
    NOW,
    Authority,
    Wish,
    certify,
    integer,
    oid,
    p256,
    raw_signature,
    revoke,
    sequence,
    tlv,
)

SGX = "1.2.840.113741.1.13.1"
MR_TD = b"\x11" * 48
RTMRS = tuple(bytes([0x20 + index]) * 48 for index in range(4))
SHA256 = hashes.SHA256()
_QE_SIGNER = bytes.fromhex("DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5")
_QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
_CPU_SVN = (3, 3, 2, 2, 4, 1, 0, 5) + (0,) * 8


class Platform(Struct, frozen=True):
    """A machine: the key that its quotes rest on, and its instance id."""

    pck: Authority
    instance: bytes


class Fields(Struct, frozen=True, kw_only=True):
    """What a quote says besides the report data."""

    mr_td: bytes = MR_TD
    rtmrs: tuple[bytes, ...] = RTMRS
    attributes: bytes = bytes.fromhex("0000001000000000")
    mr_config_id: bytes = bytes(48)
    tee_tcb_svn: bytes = bytes.fromhex("06010300") + bytes(12)
    qe_svn: int = 4


class Published(Struct, frozen=True, kw_only=True):
    """What Intel publishes about platforms of this kind."""

    status: str = "UpToDate"
    tcb_date: str = "2024-03-13T00:00:00Z"
    advisories: tuple[str, ...] = ()
    least_svn: int = 5
    evaluation: int = 17
    revoked: tuple[int, ...] = ()
    revoked_authorities: tuple[int, ...] = ()
    issued: datetime = NOW - DAY / 24
    ends: datetime = NOW + 30 * DAY
    enclave_ends: datetime | None = None
    """Of the quoting enclave's identity, if not as all else."""


class Intel:
    """Intel's certificate authorities."""

    def __init__(self, fmspc: str = "00906ED50000") -> None:
        self.fmspc = bytes.fromhex(fmspc)
        self.root = certify("TEST SGX Root CA", p256(), wish=Wish(digest=SHA256, extensions=_points()))
        self.between = certify("TEST SGX PCK Platform CA", p256(), self.root, Wish(digest=SHA256, extensions=_points()))
        self.tcb = certify(
            "TEST SGX TCB Signing", p256(), self.root, Wish(ca=False, digest=SHA256, extensions=_points())
        )

    def platform(self, *, smt: bool = True) -> Platform:
        instance = os.urandom(16)
        extension = _sgx_extension(self.fmspc, instance, (True, True, smt))
        wish = Wish(ca=False, digest=SHA256, extensions=[*_points(), (SGX, extension)])
        return Platform(certify("TEST SGX PCK Certificate", p256(), self.between, wish), instance)

    def quote(self, platform: Platform, report_data: bytes, **fields: Any) -> bytes:
        """A signed quote; `fields` are those of `Fields`."""
        said, key = Fields(**fields), p256()
        header = struct.pack("<HHIHH", 4, 2, 0x81, 0, 0) + _QE_VENDOR + bytes(20)
        body = header + _td_report(said, report_data)
        point = key.public_key().public_numbers()
        public = point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
        certified = self._certification(platform, public, said.qe_svn)
        signed = raw_signature(key, body, 32) + public + struct.pack("<HI", 6, len(certified)) + certified
        return body + struct.pack("<I", len(signed)) + signed

    def _certification(self, platform: Platform, public: bytes, qe_svn: int) -> bytes:
        said = bytes(range(32))
        enclave = bytearray(384)
        enclave[48] = 0x11
        enclave[128:160] = _QE_SIGNER
        enclave[256:260] = struct.pack("<HH", 2, qe_svn)
        enclave[320:352] = hashlib.sha256(public + said).digest()
        chain = platform.pck.pem + self.between.pem + self.root.pem
        key: ec.EllipticCurvePrivateKey = platform.pck.key
        signature = raw_signature(key, bytes(enclave), 32)
        return bytes(enclave) + signature + struct.pack("<H", 32) + said + struct.pack("<HI", 5, len(chain)) + chain

    def published(self, **wish: Any) -> bytes:
        """Collateral in dcap-qvl's form; `wish` are fields of `Published`."""
        said = Published(**wish)
        tcb, enclave = _dump(self._tcb_info(said)), _dump(_enclave(said))
        above = (self.tcb.pem + self.root.pem).decode()
        return json.dumps(
            {
                "pck_crl_issuer_chain": (self.between.pem + self.root.pem).decode(),
                "root_ca_crl": revoke(self.root, said.revoked_authorities, said.ends, SHA256).hex(),
                "pck_crl": revoke(self.between, said.revoked, said.ends, SHA256).hex(),
                "tcb_info_issuer_chain": above,
                "tcb_info": tcb,
                "tcb_info_signature": raw_signature(self.tcb.key, tcb.encode(), 32).hex(),
                "qe_identity_issuer_chain": above,
                "qe_identity": enclave,
                "qe_identity_signature": raw_signature(self.tcb.key, enclave.encode(), 32).hex(),
            }
        ).encode()

    def _tcb_info(self, said: Published) -> dict[str, Any]:
        level: dict[str, Any] = {
            "tcb": {
                "sgxtcbcomponents": _components((2, 2, 2, 2, 3, 1, 0, 5)),
                "pcesvn": 11,
                "tdxtcbcomponents": _components((said.least_svn, 0, 2)),
            },
            "tcbDate": said.tcb_date,
            "tcbStatus": said.status,
            "advisoryIDs": list(said.advisories),
        }
        module = {"mrsigner": "0" * 96, "attributes": "0" * 16, "attributesMask": "F" * 16}
        return {
            "id": "TDX",
            "version": 3,
            **_times(said),
            "fmspc": self.fmspc.hex().upper(),
            "pceId": "0000",
            "tcbType": 0,
            "tdxModule": module,
            "tdxModuleIdentities": [{"id": "TDX_01", **module, "tcbLevels": _levels()}],
            "tcbLevels": [level],
        }

    def collateral(self, **wish: Any) -> Collateral:
        return Collateral({f"intel/{self.fmspc.hex().upper()}/platform.json": self.published(**wish)})


def _points() -> list[tuple[str, bytes]]:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("https://test.invalid/crl")], None, None, None)
    return [("2.5.29.31", x509.CRLDistributionPoints([point]).public_bytes())]


def _sgx_extension(fmspc: bytes, instance: bytes, flags: tuple[bool, bool, bool]) -> bytes:
    """The extension of PCK certificates (Intel SGX PCK Certificate and CRL Profile, 1.3.5)."""
    tcb = [sequence(oid(f"{SGX}.2.{index + 1}"), integer(svn)) for index, svn in enumerate(_CPU_SVN)]
    tcb += [sequence(oid(f"{SGX}.2.17"), integer(11)), sequence(oid(f"{SGX}.2.18"), tlv(4, bytes(_CPU_SVN)))]
    settings = [
        sequence(oid(f"{SGX}.7.{index + 1}"), tlv(1, b"\xff" if flag else b"\0")) for index, flag in enumerate(flags)
    ]
    return sequence(
        sequence(oid(f"{SGX}.1"), tlv(4, os.urandom(16))),
        sequence(oid(f"{SGX}.2"), sequence(*tcb)),
        sequence(oid(f"{SGX}.3"), tlv(4, b"\0\0")),
        sequence(oid(f"{SGX}.4"), tlv(4, fmspc)),
        sequence(oid(f"{SGX}.5"), tlv(10, b"\x01")),
        sequence(oid(f"{SGX}.6"), tlv(4, instance)),
        sequence(oid(f"{SGX}.7"), sequence(*settings)),
    )


def _td_report(said: Fields, report_data: bytes) -> bytes:
    body = said.tee_tcb_svn + b"\x33" * 48 + bytes(56) + said.attributes + bytes.fromhex("e702060000000000")
    body += said.mr_td + said.mr_config_id + bytes(96) + b"".join(said.rtmrs) + report_data
    assert len(body) == 584
    return body


def _components(levels: tuple[int, ...]) -> list[dict[str, int]]:
    return [{"svn": level} for level in (levels + (0,) * 16)[:16]]


def _times(said: Published) -> dict[str, Any]:
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    issued, ends = said.issued.strftime(stamp), said.ends.strftime(stamp)
    return {"issueDate": issued, "nextUpdate": ends, "tcbEvaluationDataNumber": said.evaluation}


def _levels() -> list[dict[str, Any]]:
    return [{"tcb": {"isvsvn": 4}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "UpToDate"}]


def _enclave(said: Published) -> dict[str, Any]:
    return {
        "id": "TD_QE",
        "version": 2,
        **_times(structs.replace(said, ends=said.enclave_ends or said.ends)),
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" + "0" * 30,
        "attributesMask": "FBFFFFFFFFFFFFFF" + "0" * 16,
        "mrsigner": _QE_SIGNER.hex().upper(),
        "isvprodid": 2,
        "tcbLevels": _levels(),
    }


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


@cache
def intel(fmspc: str = "00906ED50000") -> Intel:
    """One vendor for a test run."""
    return Intel(fmspc)
