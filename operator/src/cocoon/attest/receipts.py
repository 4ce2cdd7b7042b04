"""Receipts as JWS in compact form (RFC 7515, Ed25519 as in RFC 9864): signing, strict reading, chains and arithmetic.

Reading is stricter than the standards: the header is exactly `{alg, typ}`, base64url is canonical and no JSON object
names a key twice, so that one receipt has one form and its hash can link a chain.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.jwk import OKPKey

from cocoon.api.money import NanoTon, cost, parse_nanoton
from cocoon.api.receipts import ALGORITHM, TYPE, Claims

#: The largest receipt that is read; a real one takes about 1.5 kB.
MAXIMUM_CHARACTERS: Final = 16_384
_HEADER: Final = {"alg": ALGORITHM, "typ": TYPE}
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_NAMES: Final = frozenset(field.encode_name for field in msgspec.structs.fields(Claims))


def sign(claims: Claims, key: Ed25519PrivateKey) -> str:
    """The receipt."""
    return jws.serialize_compact(_HEADER, msgspec.json.encode(claims), OKPKey.import_key(key), algorithms=[ALGORITHM])


def open_receipt(receipt: str, public_key: bytes) -> Claims:
    """The claims that this key (32 bytes) signed. Raises ValueError with the reason for anything else."""
    payload, signature = _form(receipt)
    _check_signature(receipt, signature, public_key)
    return _claims(payload)


def read_unproven(receipt: str) -> Claims:
    """The claims of a well-formed receipt, whoever made it up. Raises ValueError with the reason for anything else."""
    payload, _ = _form(receipt)
    return _claims(payload)


def _form(receipt: str) -> tuple[bytes, bytes]:
    """Claims and signature of what has a receipt's form. Raises ValueError."""
    header, payload, signature = _parts(receipt)
    if _object(header, "header") != _HEADER:
        raise ValueError(f"The receipt's header is not exactly {_HEADER}.")
    names = _object(payload, "claims").keys()
    if names != _NAMES:
        raise ValueError(f"The receipt's claims are not the expected ones: {sorted(names ^ _NAMES)[:8]}.")
    return payload, signature


def _claims(payload: bytes) -> Claims:
    try:
        return msgspec.json.decode(payload, type=Claims)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError(f"The receipt's claims can't be read: {error}.") from None


def _parts(receipt: str) -> list[bytes]:
    if len(receipt) > MAXIMUM_CHARACTERS:
        raise ValueError(f"The receipt has {len(receipt)} characters; at most {MAXIMUM_CHARACTERS} are read.")
    parts = receipt.split(".")
    if len(parts) != 3:
        raise ValueError("The receipt is no JWS in compact form.")
    return [_decode(part) for part in parts]


def _decode(part: str) -> bytes:
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        raise ValueError("The receipt is not in base64url.")
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise ValueError("The receipt's base64url is not canonical.")
    return raw


def _object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The receipt's {what} can't be read: {str(error)[:120]}.") from None
    if not isinstance(value, dict):
        raise ValueError(f"The receipt's {what} is no JSON object.")  # noqa: TRY004 - callers expect one kind of error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _check_signature(receipt: str, signature: bytes, public_key: bytes) -> None:
    """Directly: of a header that is known to be ours, a JWS library would only ask again, for as long as this takes."""
    signed = receipt.rpartition(".")[0].encode()
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise ValueError("The receipt is not signed by this key.") from None


def thumbprint(public_key: bytes) -> str:
    """RFC 7638 thumbprint of an Ed25519 public key (32 bytes)."""
    return OKPKey.import_key(Ed25519PublicKey.from_public_bytes(public_key)).thumbprint()


def link(receipt: str) -> str:
    """What the next receipt's `prev` must be: SHA-256 of this one, in hex."""
    return hashlib.sha256(receipt.encode()).hexdigest()


def check_chain(receipts: Sequence[str], public_key: bytes) -> list[str]:
    """What is wrong with a run of one key's receipts, oldest first, from any `seq`; empty if nothing is."""
    wrong: list[str] = []
    before: tuple[Claims, str] | None = None
    for position, receipt in enumerate(receipts):
        try:
            claims = open_receipt(receipt, public_key)
        except ValueError as error:
            return [*wrong, f"Receipt {position}: {error}"]
        wrong += [f"Receipt {position}: {reason}" for reason in _follows(claims, before)]
        before = claims, link(receipt)
    return wrong


def _follows(claims: Claims, before: tuple[Claims, str] | None) -> list[str]:
    if before is None:
        starts = claims.seq != 0 or claims.prev == claims.evidence_sha256
        return [] if starts else ["the first receipt of a key must name its evidence as `prev`"]
    last, digest = before
    rules = {
        f"`seq` is {claims.seq} after {last.seq}: a receipt is missing": claims.seq == last.seq + 1,
        "`prev` is not the receipt before it": claims.prev == digest,
        "time goes back": claims.iat >= last.iat,
        "the evidence changes within one key": claims.evidence_sha256 == last.evidence_sha256,
    }
    return [reason for reason, holds in rules.items() if not holds]


def owed(claims: Claims) -> NanoTon:
    """What the claimed usage costs: units * price // 1,000,000, at most the budget, nothing if interrupted."""
    if claims.outcome == "Interrupted":
        return NanoTon(0)
    full = cost(claims.price, claims.usage)
    return min(full, parse_nanoton(claims.budget)) if claims.budget else full


def check_arithmetic(claims: Claims) -> list[str]:
    """What is wrong with the amounts and times of a receipt; empty if nothing is."""
    wrong: list[str] = []
    try:
        expected, claimed = owed(claims), parse_nanoton(claims.cost)
    except ValueError as error:
        return [str(error)]
    if expected != claimed:
        wrong.append(f"The cost is {claimed} nanoTON; its usage at its price, within its budget, is {expected}.")
    usage = claims.usage
    if min(usage.items, usage.failed_items, usage.prompt_tokens, usage.completion_tokens) < 0:
        wrong.append("A number of units is negative.")
    if not claims.started <= claims.finished <= claims.iat:
        wrong.append("The times are not in the order started, finished, iat.")
    return wrong
