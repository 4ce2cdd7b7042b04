"""A TLS key and certificate made in memory; evidence binds the key, so nobody needs to have signed it.

Peers pin SHA-256 of the SubjectPublicKeyInfo (RFC 7469's pin), not the certificate.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

VALIDITY: Final = timedelta(days=3_650)


class Identity(Struct, frozen=True):
    """A private key and its self-signed certificate, both PEM."""

    key: bytes
    certificate: bytes

    @property
    def spki(self) -> bytes:
        """SHA-256 of the certificate's SubjectPublicKeyInfo, 32 bytes."""
        return spki_digest(x509.load_pem_x509_certificate(self.certificate).public_bytes(Encoding.DER))


def make_identity(name: str, now: datetime) -> Identity:
    """A fresh P-256 key with a certificate for `name`, valid from a day before `now`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return Identity(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), certificate.public_bytes(Encoding.PEM)
    )


def spki_digest(certificate: bytes) -> bytes:
    """SHA-256 of a DER certificate's SubjectPublicKeyInfo, 32 bytes. Raises ValueError if it is no certificate."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def load(context: ssl.SSLContext, identity: Identity) -> None:
    """Put the identity into a context. The key passes through an anonymous file in memory, never a disk."""
    descriptor = os.memfd_create("cocoon-tls", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, identity.key + identity.certificate)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
