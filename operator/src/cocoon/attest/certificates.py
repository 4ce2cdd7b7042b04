"""Certificate chains of TEEs: read within bounds, checked link by link, each link once.

The verifiers pin roots by fingerprint and know the length and the order of each vendor's chain, so there is no path to
search for: the chain either holds as it stands or it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from cocoon.attest.findings import Findings

#: Longer than any vendor's chain: what is longer was made to keep a verifier busy.
MOST_CERTIFICATES: Final = 8
MAXIMUM_BYTES: Final = 64 << 10
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"

Chain = tuple[x509.Certificate, ...]
#: Links (child, issuer: SHA-256) that have been verified: machines with several GPUs share most of theirs.
Links = set[tuple[bytes, bytes]]


class BadCertificates(ValueError):
    """The bytes are no chain of certificates; the message says why."""


def read_pem(pem: bytes) -> Chain:
    """The certificates of a PEM file, in its order. Raises BadCertificates."""
    if len(pem) > MAXIMUM_BYTES or pem.count(_BEGIN) > MOST_CERTIFICATES:
        raise BadCertificates(f"more than {MOST_CERTIFICATES} certificates or {MAXIMUM_BYTES} bytes")
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificates(str(error)[:120]) from None


def read_der(der: bytes) -> x509.Certificate:
    """One certificate in DER. Raises BadCertificates."""
    if len(der) > MAXIMUM_BYTES:
        raise BadCertificates(f"more than {MAXIMUM_BYTES} bytes")
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificates(str(error)[:120]) from None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate in DER, hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def der(certificate: x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM)


def check_chain(chain: Sequence[x509.Certificate], now: float, findings: Findings, links: Links) -> bool:
    """Whether each certificate is issued by the next and the last by itself, all valid now; what is wrong is noted."""
    prints = [certificate.fingerprint(hashes.SHA256()) for certificate in chain]
    held = True
    for place, child in enumerate(chain):
        above = min(place + 1, len(chain) - 1)
        link = prints[place], prints[above]
        if link not in links and not is_issued_by(child, chain[above]):
            text = f"The certificate {common_name(child)} is not issued by the one above it."
            findings.refuse("ChainInvalid", text)
            held = False
            continue
        links.add(link)
        held = check_time(child, now, findings) and held
    return held


def is_issued_by(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer is an authority and has signed the child."""
    try:
        child.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False


def check_time(certificate: x509.Certificate, now: float, findings: Findings) -> bool:
    """Whether it is valid now; if so, the verdict ends with it at the latest."""
    at = datetime.fromtimestamp(now, UTC)
    if at < certificate.not_valid_before_utc:
        text = f"The certificate {common_name(certificate)} is not valid yet; check the clock."
        findings.refuse("CertificateNotYetValid", text)
        return False
    if at > certificate.not_valid_after_utc:
        text = f"The certificate {common_name(certificate)} has expired; get a new one."
        findings.refuse("CertificateExpired", text)
        return False
    findings.expires(certificate.not_valid_after_utc.timestamp())
    return True


def plain_name(certificate: x509.Certificate) -> str:
    """The subject's common name; empty if there is none."""
    try:
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:
        return ""
    return str(names[0].value)[:60] if names else ""


def common_name(certificate: x509.Certificate) -> str:
    """What to call a certificate in a message: quoted, so that it can't be mistaken for text of ours."""
    return repr(plain_name(certificate))


def extension(certificate: x509.Certificate, oid: str) -> bytes | None:
    """The raw value of an extension that no library knows; None if it is absent or the extensions can't be read."""
    try:
        value = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension, UnsupportedAlgorithm):
        return None
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None


def is_signed(certificate: x509.Certificate, r: int, s: int, body: bytes) -> bool:
    """Whether (r, s) is this certificate's ECDSA signature with P-384 and SHA-384."""
    try:
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp384r1":
            return False
        key.verify(encode_dss_signature(r, s), body, ec.ECDSA(hashes.SHA384()))
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True
