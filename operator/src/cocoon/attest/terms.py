"""The rules that a keyring releases keys by. Its evidence names them: nobody can start one with laxer rules unseen.

A keyring is paid by nobody: the place of the wallet in its evidence holds the name of its terms.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from msgspec import Struct, structs

from cocoon.attest.policy import Policy

_DECODER: Final = msgspec.json.Decoder(type=dict[str, object])


class TermsError(ValueError):
    """The terms can't be read; the message says why."""


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `runners` must show to be released a key, and what `keyrings` must show to be handed the identity."""

    runners: Policy
    keyrings: Policy


def read(text: str) -> Terms:
    """The terms in this JSON. Raises TermsError, also for fields that this version does not know."""
    try:
        given = _DECODER.decode(text)
        terms = msgspec.convert(given, Terms)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise TermsError(f"The keyring's terms can't be read: {error}.") from None
    known = set(Policy.__struct_fields__)
    for part in ("runners", "keyrings"):
        fields = given[part]
        unknown = set(fields) - known if isinstance(fields, dict) else set()
        if unknown:
            raise TermsError(f"The keyring's terms have the unknown fields {sorted(unknown)} in {part}.")
    return Terms(
        runners=structs.replace(terms.runners, role="runner"), keyrings=structs.replace(terms.keyrings, role="keyring")
    )


def name(text: str) -> str:
    """What the evidence of a keyring with these terms holds in the place of a wallet."""
    return f"terms:{hashlib.sha256(text.encode()).hexdigest()}"
