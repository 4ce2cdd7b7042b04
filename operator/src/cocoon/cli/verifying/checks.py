"""All checks of one receipt, in the order in which they build on each other."""

from __future__ import annotations

from msgspec import Struct

from cocoon.attest.policy import Policy
from cocoon.cli.verifying import asked, attested, booked, signing
from cocoon.cli.verifying.lines import Line, Report, unknown, verdict
from cocoon.cli.verifying.material import Material

_REST = (
    "signature", "server", "place", "evidence", "trust", "job", "input", "answers", "price", "arithmetic", "ledger",
    "chain",
)  # fmt: skip


class Terms(Struct, frozen=True):
    """The client's policy, the time in seconds since 1970, and whether every line must have been checked."""

    policy: Policy
    now: float
    strict: bool = False


def check_all(material: Material, terms: Terms) -> Report:
    """Every line, whatever the others say: all reasons rather than the first. Never raises."""
    first, claims = signing.form(material.receipt)
    if claims is None:
        lines = (first, *(unknown(name, "There is no receipt to check.") for name in _REST))
        return Report("", "", "no", "", lines)
    found = attested.evidence(material, claims, terms.policy, terms.now)
    problem, job = asked.read_job(material)
    lines = (
        first,
        signing.signature(material, claims, found.bundle),
        signing.server(material, claims, found.bundle),
        signing.place(material, claims, found.bundle),
        found.line,
        attested.trust(claims, found),
        asked.job(material, claims, job) if job is not None else problem or _no_job(),
        asked.given(material, claims, job),
        asked.answered(material, claims, job),
        asked.price(claims, job),
        asked.arithmetic(claims, terms.now),
        booked.ledger(material, claims),
        booked.chain(material, claims),
    )
    holds = verdict(lines, strict=terms.strict)
    return Report(claims.jti, f"{claims.namespace}/{claims.name}", holds, found.trust or "", lines)


def _no_job() -> Line:
    return unknown("job", "There is no job to compare.")
