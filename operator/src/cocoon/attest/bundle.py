"""The evidence bundle's wire form, and what its parts are bound together by.

    report_data  = SHA-512(prefixed(domain, role, nonce, tls, receipt, sealing, payee, SHA-384(GPU evidence)
                                    [, SHA-384(NVSwitch evidence)]))
    GPU nonce    = SHA-256(prefixed(domain, role, nonce, tls, receipt, sealing, payee))
    switch nonce = the same under its own domain
    digest       = SHA-256(prefixed(domain, role, tee, tls, receipt, sealing, payee))

The last part of `report_data` stands there if there are switches: what has none is bound as it always was. Every part
has its length before it, so no list of parts passes for another.
The TEE signs `report_data` and each GPU and switch its nonce, so a nonce, the keys, the wallet and the GPUs of two
machines can't be put together: the CPU vouches for what they said, and they said it for this nonce and these keys.
`digest` names the evidence in receipts. It holds what every bundle of one start of one TEE has in common, not the nonce
or the quote: a receipt stays tied to its keys and wallet when the server is attested again, and whoever has verified
any bundle with this digest has verified the keys that the digest names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from cocoon.api.evidence import (
    FORMAT,
    MAXIMUM_BYTES,
    NONCE_BYTES,
    Bundle,
    GpuEvidence,
    Keys,
    Role,
    SwitchEvidence,
    Tee,
)
from cocoon.attest.preimage import prefixed

REPORT_DATA_DOMAIN: Final = "cocoon/report-data/v1"
GPU_NONCE_DOMAIN: Final = "cocoon/gpu-nonce/v1"
SWITCH_NONCE_DOMAIN: Final = "cocoon/switch-nonce/v1"
DIGEST_DOMAIN: Final = "cocoon/evidence-digest/v1"
MAXIMUM_GPUS: Final = 16
MAXIMUM_SWITCHES: Final = 16
_KEY_BYTES: Final = 32
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Bundle)


class Devices(Struct, frozen=True):
    """What devices showed that the CPU vouches for."""

    gpus: Sequence[GpuEvidence] = ()
    switches: Sequence[SwitchEvidence] = ()


NO_DEVICES: Final = Devices()


class MalformedBundle(ValueError):
    """The bytes are no evidence bundle; the message says why."""


def encode(bundle: Bundle) -> bytes:
    """The bundle as JSON, the same bytes for the same bundle."""
    return _ENCODER.encode(bundle)


def decode(raw: bytes) -> Bundle:
    """Read a bundle. Raises MalformedBundle for anything else, however it is malformed."""
    if len(raw) > MAXIMUM_BYTES:
        raise MalformedBundle(f"The bundle has {len(raw)} bytes; at most {MAXIMUM_BYTES} are read.")
    try:
        bundle = _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedBundle(f"The bundle can't be read: {str(error)[:200]}.") from None
    _check_sizes(bundle)
    return bundle


def _check_sizes(bundle: Bundle) -> None:
    if bundle.format != FORMAT:
        raise MalformedBundle(f"The bundle's format is {bundle.format[:40]!r}; this verifier reads {FORMAT}.")
    if len(bundle.nonce) != NONCE_BYTES:
        raise MalformedBundle(f"The bundle's nonce has {len(bundle.nonce)} bytes instead of {NONCE_BYTES}.")
    for name in ("tls", "receipt", "sealing"):
        if len(getattr(bundle.keys, name)) != _KEY_BYTES:
            raise MalformedBundle(f"The bundle's {name} key does not have {_KEY_BYTES} bytes.")
    _check_number("GPUs", len(bundle.gpus), MAXIMUM_GPUS)
    _check_number("NVSwitches", len(bundle.switches), MAXIMUM_SWITCHES)


def _check_number(what: str, shown: int, most: int) -> None:
    if shown > most:
        raise MalformedBundle(f"The bundle has evidence of {shown} {what}; at most {most} are read.")


def bind(role: Role, nonce: bytes, keys: Keys, payee: str, devices: Devices = NO_DEVICES) -> bytes:
    """The 64 bytes of report data that the TEE signs."""
    parts = [REPORT_DATA_DOMAIN, role, nonce, keys.tls, keys.receipt, keys.sealing, payee, _digest(devices.gpus)]
    if devices.switches:
        parts.append(_digest(devices.switches))
    return hashlib.sha512(prefixed(*parts)).digest()


def _digest(shown: Sequence[GpuEvidence | SwitchEvidence]) -> bytes:
    return hashlib.sha384(prefixed(*(part for each in shown for part in (each.report, each.chain)))).digest()


def gpu_nonce(role: Role, nonce: bytes, keys: Keys, payee: str) -> bytes:
    """The 32 bytes that each GPU is asked with."""
    return _device_nonce(GPU_NONCE_DOMAIN, role, nonce, keys, payee)


def switch_nonce(role: Role, nonce: bytes, keys: Keys, payee: str) -> bytes:
    """The 32 bytes that each NVSwitch is asked with."""
    return _device_nonce(SWITCH_NONCE_DOMAIN, role, nonce, keys, payee)


def _device_nonce(domain: str, role: Role, nonce: bytes, keys: Keys, payee: str) -> bytes:
    parts = prefixed(domain, role, nonce, keys.tls, keys.receipt, keys.sealing, payee)
    return hashlib.sha256(parts).digest()


def report_data(bundle: Bundle) -> bytes:
    """The report data that this bundle's own fields call for."""
    return bind(bundle.role, bundle.nonce, bundle.keys, bundle.payee, Devices(bundle.gpus, bundle.switches))


def name(role: Role, tee: Tee, keys: Keys, payee: str) -> str:
    """The name, in hex, of the evidence that such a TEE shows: equal for all bundles of one start of it."""
    parts = prefixed(DIGEST_DOMAIN, role, tee, keys.tls, keys.receipt, keys.sealing, payee)
    return hashlib.sha256(parts).hexdigest()


def digest(bundle: Bundle) -> str:
    """The name of this bundle's evidence."""
    return name(bundle.role, bundle.tee, bundle.keys, bundle.payee)
