"""Whether NVIDIA has revoked a certificate: OCSP answers (RFC 6960), kept as collateral.

An answer is good for a day or so. It is believed if the issuer of the certificate signed it, itself or through a
responder that it has certified for this. Leaves of GPUs are not asked about: the responder does not know them, as each
is issued by its own GPU.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from cocoon.attest import certificates
from cocoon.attest.case import Case
from cocoon.attest.certificates import Chain, Links
from cocoon.attest.collateral import Need
from cocoon.attest.findings import Findings

_SKEW: Final = timedelta(minutes=5)


def name(certificate: x509.Certificate) -> str:
    """The collateral that says whether this certificate is revoked."""
    return f"nvidia/ocsp/{certificates.fingerprint(certificate)}.der"


def needs(chain: Chain, first: int) -> tuple[Need, ...]:
    """What to ask for about a chain from its certificate number `first` on; a root can't be revoked."""
    pairs = zip(chain[first:], chain[first + 1 :], strict=False)
    return tuple(Need(name(subject), _request(subject, issuer)) for subject, issuer in pairs)


def _request(subject: x509.Certificate, issuer: x509.Certificate) -> bytes:
    request = ocsp.OCSPRequestBuilder().add_certificate(subject, issuer, hashes.SHA384()).build()
    return request.public_bytes(Encoding.DER)


def check_chain(chain: Chain, first: int, case: Case, findings: Findings) -> None:
    """Note each certificate of a chain, from number `first` on, of which nobody says that it still holds."""
    for subject, issuer in zip(chain[first:], chain[first + 1 :], strict=False):
        kept = name(subject)
        if not case.policy.require_revocation and kept not in case.collateral.items:
            continue
        raw = case.collateral.get(kept, findings) if case.is_first(kept) else None
        if raw is not None:
            _check(raw, (subject, issuer), kept, case, findings)


def _check(
    raw: bytes, link: tuple[x509.Certificate, x509.Certificate], kept: str, case: Case, findings: Findings
) -> None:
    subject, issuer = link
    try:
        answer = ocsp.load_der_ocsp_response(raw)
        signed = _is_about(answer, subject, issuer) and _is_signed(answer, issuer, case.links)
        status, until = answer.certificate_status, answer.next_update_utc
        begun = answer.this_update_utc
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        findings.refuse("CollateralMalformed", f"The collateral {kept} can't be read.")
        return
    if not findings.check(
        signed, "CollateralForged", f"The collateral {kept} is not the issuer's word on this certificate."
    ):
        return
    at = datetime.fromtimestamp(case.now, UTC)
    fresh = until is not None and begun - _SKEW <= at <= until
    findings.check(fresh, "CollateralStale", f"The collateral {kept} is out of date; fetch it again.")
    if until is not None and fresh:
        findings.expires(until.timestamp())
    if status is not ocsp.OCSPCertStatus.GOOD:
        told = certificates.common_name(subject)
        findings.refuse("Revoked", f"NVIDIA has revoked the certificate {told}, or does not know it.")


def _is_about(answer: ocsp.OCSPResponse, subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    return answer.serial_number == subject.serial_number and answer.issuer_key_hash == _hashed(
        issuer, len(answer.issuer_key_hash)
    )


def _hashed(issuer: x509.Certificate, size: int) -> bytes:
    """The hash of the issuer's key, with the function that gives so many bytes; empty if there is none."""
    functions = {20: hashlib.sha1, 32: hashlib.sha256, 48: hashlib.sha384}
    return functions[size](_key_bits(issuer)).digest() if size in functions else b""


def _key_bits(issuer: x509.Certificate) -> bytes:
    """The content of the subjectPublicKey, which is what OCSP hashes; for elliptic curves the point itself."""
    key = issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("no key on an elliptic curve")
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _is_signed(answer: ocsp.OCSPResponse, issuer: x509.Certificate, links: Links) -> bool:
    responder = answer.certificates[0] if answer.certificates else issuer
    if responder != issuer and not _is_delegate(responder, issuer, links):
        return False
    key, digest = responder.public_key(), answer.signature_hash_algorithm
    if not isinstance(key, ec.EllipticCurvePublicKey) or digest is None:
        return False
    key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))
    return True


def _is_delegate(responder: x509.Certificate, issuer: x509.Certificate, links: Links) -> bool:
    """Whether the issuer lets this responder speak for it."""
    link = responder.fingerprint(hashes.SHA256()), issuer.fingerprint(hashes.SHA256())
    if link not in links and not certificates.is_issued_by(responder, issuer):
        return False
    links.add(link)
    try:
        uses = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in uses
