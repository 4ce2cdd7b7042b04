"""Every reason and code that a program can give has exactly one row in the reference, and every row is one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.unit.docs.codes import attributes, constants, given_to, returned
from tests.unit.docs.pages import ROOT, rows

REFERENCE: Final = ROOT / "docs/reference"
CONDITIONS: Final = REFERENCE / "conditions.md"
ATTESTATION: Final = REFERENCE / "attestation-reasons.md"
PROBLEMS: Final = REFERENCE / "problem-codes.md"

OF_ADDRESSES: Final = attributes("api/ton_address.py", "code") - {"InvalidAddress"}
OF_OBJECTS: Final = constants("fleet/plan/reasons.py") | constants("fleet/act/complain.py")
OF_DECLARATIONS: Final = given_to("fleet/observe", "Flaw")
OF_MODELS: Final = given_to("runner/sources.py", "SourceError") | returned("runner/models.py")
OF_ATTEMPTS: Final = constants("runner/endings.py") | constants("runner/pipeline.py")
OF_EVIDENCE: Final = (
    given_to("attest", "check", "refuse", "Reason")
    | given_to("fleet/act/attest.py", "Reason")
    | attributes("attest", "_MEANINGS")
    | {"QuoteInvalid"}  # whatever else a TDX quote's verifier complains of
)
OF_PAYOUTS: Final = (
    given_to("payout", "Refusal", "PayoutProblem")
    | attributes("payout/http/problems.py", "_CODES")
    | {"ArchiveFull", "DatabaseAway", "NotTheWriter", "Refused", "NotTrusted"}  # named after exceptions, or built
)
OF_HOLDS: Final = given_to("payout", "Hold") | {"ChainUnreadable", "Drift", "Quiet", "HotWalletEmpty"}

CASES: Final = [
    (CONDITIONS, "", OF_OBJECTS | OF_DECLARATIONS | OF_ADDRESSES | OF_MODELS | OF_ATTEMPTS),
    (CONDITIONS, "A provider that is not valid", OF_DECLARATIONS | OF_ADDRESSES),
    (ATTESTATION, "", OF_EVIDENCE),
    (PROBLEMS, "Runner", given_to("runner", "Problem")),
    (PROBLEMS, "Keyring", given_to("keyring", "Refusal")),
    (PROBLEMS, "Payout service", OF_PAYOUTS),
    (PROBLEMS, "What holds payments up", OF_HOLDS),
]


@pytest.mark.parametrize(("page", "heading", "codes"), CASES, ids=lambda value: getattr(value, "stem", None) or None)
def test_every_code_has_a_row_and_every_row_a_code(page: Path, heading: str, codes: set[str]) -> None:
    assert set(rows(page, heading)) == codes


@pytest.mark.parametrize("page", [CONDITIONS, ATTESTATION], ids=lambda page: str(page.stem))
def test_no_code_is_explained_twice(page: Path) -> None:
    assert [code for code, times in Counter(rows(page)).items() if times > 1] == []


def test_the_sources_are_read() -> None:
    """An expression that nobody recognises any more must not make the sets above empty."""
    from cocoon.payout.sending.rounds import OBSTACLES  # noqa: PLC0415 - beside its only use

    assert {"Bound", "NoFreeSlots", "ActionRefused"} <= OF_OBJECTS
    assert {"SourceUnavailable", "LoadFailed"} <= OF_MODELS
    assert {"InvalidInput", "ModelError"} <= OF_ATTEMPTS
    assert {"WrongChecksum"} <= OF_ADDRESSES
    assert {"DebugGuest", "KeyMismatch", "RootUntrusted", "Malformed"} <= OF_EVIDENCE
    assert {"NotCovered", "NotFound", "WrongArithmetic"} <= OF_PAYOUTS
    assert {"Paused", *OBSTACLES} <= OF_HOLDS
