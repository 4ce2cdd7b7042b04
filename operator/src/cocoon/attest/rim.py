"""Reference measurements of a GPU's driver or VBIOS: SWID tags (ISO/IEC 19770-2) that NVIDIA signs with XML-DSig.

Only what the signature covers is read. The signer is the first certificate of the chain inside the tag; whether that
chain leads to NVIDIA's root is the verifier's question, and so is whether a tag is for this chip and version at all:
what a service answers can be validly signed and about another chip.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final

from cryptography import x509
from lxml import etree
from msgspec import Struct
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from cocoon.attest.certificates import MOST_CERTIFICATES, BadCertificates, Chain, read_der
from cocoon.attest.collateral import MAXIMUM_BYTES

_SWID: Final = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_HASH: Final = "{http://www.w3.org/2001/04/xmlenc#sha384}Hash"
_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_MOST_RESOURCES: Final = 256
_MOST_ALTERNATIVES: Final = 64


class BadRim(ValueError):
    """The bytes are no signed reference measurements; the message says why."""


class Rim(Struct, frozen=True):
    """What a GPU must have measured: by index, the values (hex) of which one must be there.

    `chain` begins with the signer.
    """

    product: str
    version: str
    golden: dict[int, frozenset[str]]
    chain: Chain


@lru_cache(maxsize=64)
def read(raw: bytes) -> Rim:
    """Read a tag and check its signature. Raises BadRim. The same bytes are read once: they are those of many GPUs."""
    if len(raw) > MAXIMUM_BYTES:
        raise BadRim(f"it has more than {MAXIMUM_BYTES} bytes")
    try:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
        chain = _chain(root)
        return _parsed(_signed(raw, chain[0]), chain)
    except (etree.LxmlError, SignXMLException, BadCertificates, ValueError, TypeError, AttributeError) as error:
        raise BadRim(" ".join(str(error).split())[:160] or type(error).__name__) from None


def _chain(root: etree._Element) -> Chain:
    texts = [found.text or "" for found in root.iterfind(f"{_SIGNATURE}Signature//{_SIGNATURE}X509Certificate")]
    if not 1 <= len(texts) <= MOST_CERTIFICATES:
        raise BadRim(f"it holds {len(texts)} certificates")
    return tuple(read_der(base64.b64decode("".join(text.split()), validate=True)) for text in texts)


def _signed(raw: bytes, signer: x509.Certificate) -> etree._Element:
    """What the signer signed. Its validity is not judged here, so that what was read does not depend on the time."""
    expected = SignatureConfiguration(
        location="./",
        signature_methods=frozenset({SignatureMethod.ECDSA_SHA384}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA384}),
        verification_time=signer.not_valid_before_utc,
    )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    result = XMLVerifier().verify(raw, x509_cert=signer, expect_config=expected, parser=parser)
    if isinstance(result, list) or result.signed_xml is None:
        raise BadRim("its signature covers no XML")
    return result.signed_xml


def _parsed(root: etree._Element, chain: Chain) -> Rim:
    meta, payload = root.find(f"{_SWID}Meta"), root.find(f"{_SWID}Payload")
    if root.tag != f"{_SWID}SoftwareIdentity" or meta is None or payload is None or len(payload) > _MOST_RESOURCES:
        raise BadRim("it is no software identity with a payload")
    golden: dict[int, frozenset[str]] = {}
    for resource in payload.iterfind(f"{_SWID}Resource"):
        index = int(resource.get("index", ""))
        if index in golden:
            raise BadRim(f"measurement {index} stands in it twice")
        if resource.get("active") != "False":
            golden[index] = _alternatives(resource)
    if not golden:
        raise BadRim("it has no active measurement")
    return Rim(meta.get("product") or "", (meta.get("colloquialVersion") or "").upper(), golden, chain)


def _alternatives(resource: etree._Element) -> frozenset[str]:
    count = int(resource.get("alternatives", ""))
    if not 1 <= count <= _MOST_ALTERNATIVES:
        raise BadRim(f"a measurement has {count} alternatives")
    return frozenset((resource.get(f"{_HASH}{number}") or "missing").lower() for number in range(count))
