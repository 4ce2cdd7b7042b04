"""Certificates and revocation lists under test roots. Times are those of the tests, never the machine's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT = NOW.timestamp()
DAY = timedelta(days=1)
SHA384 = hashes.SHA384()
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Authority(Struct, frozen=True):
    """A certificate and its key."""

    key: Any
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


class Wish(Struct, frozen=True, kw_only=True):
    """What a certificate should hold besides its name and key."""

    ca: bool = True
    extensions: Sequence[tuple[str, bytes]] = ()
    starts: datetime = NOW - DAY
    ends: datetime = NOW + 3650 * DAY
    digest: Any = SHA384
    serial: int | None = None


def name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, common),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "TEST ONLY"),
        ]
    )


def certify(common: str, key: Key, issuer: Authority | None = None, wish: Wish = Wish()) -> Authority:  # noqa: B008 - frozen
    """A certificate for the key, issued by `issuer` or by itself; RSA keys sign with PSS, as AMD's do."""
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(issuer.certificate.subject if issuer else name(common))
        .public_key(key.public_key())
        .serial_number(wish.serial or x509.random_serial_number())
        .not_valid_before(wish.starts)
        .not_valid_after(wish.ends)
        .add_extension(x509.BasicConstraints(ca=wish.ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(ca=wish.ca), critical=True)
    )
    for oid, value in wish.extensions:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
    return Authority(key, builder.sign(signer, wish.digest, rsa_padding=_padding(signer)))


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _padding(key: Key) -> padding.PSS | None:
    return padding.PSS(padding.MGF1(hashes.SHA384()), 48) if isinstance(key, rsa.RSAPrivateKey) else None


def revoke(
    issuer: Authority, serials: Sequence[int] = (), ends: datetime = NOW + 30 * DAY, digest: Any = SHA384
) -> bytes:
    """A revocation list in DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW - DAY / 24)
        .next_update(ends)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build()
        builder = builder.add_revoked_certificate(entry)
    crl = builder.sign(issuer.key, digest, rsa_padding=_padding(issuer.key))
    return crl.public_bytes(Encoding.DER)


def raw_signature(key: ec.EllipticCurvePrivateKey, body: bytes, width: int, order: Any = "big") -> bytes:
    """r and s one after the other, as the reports hold them; SHA-256 for 32 bytes, SHA-384 for more."""
    digest = hashes.SHA256() if width == 32 else hashes.SHA384()
    r, s = decode_dss_signature(key.sign(body, ec.ECDSA(digest)))
    return r.to_bytes(width, order) + s.to_bytes(width, order)


def p384() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


# --- DER by hand, for extensions that no library builds ---


def tlv(tag: int, value: bytes) -> bytes:
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(value) < 128 else bytes([0x80 | len(size)]) + size) + value


def integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(max(1, (number.bit_length() + 8) // 8), "big"))


def sequence(*items: bytes) -> bytes:
    return tlv(0x30, b"".join(items))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    out = bytes([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        out += bytes(reversed(groups))
    return tlv(6, out)
