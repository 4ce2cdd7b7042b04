"""What the client's own policy says of the server's evidence, at the time when the job finished.

A key lives in the memory of one start of one TEE, so evidence vouches backwards (ADR 7): where the evidence or its
collateral is newer than the receipt, it is judged at the first later time that is known: when its statement was made,
when it was saved, and then now. What had expired when the job finished stays expired.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from cocoon.api.counted import counted
from cocoon.api.evidence import Bundle, Verdict
from cocoon.api.receipts import Claims
from cocoon.api.times import format_time
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.policy import Policy
from cocoon.attest.verify import is_undecided, verify
from cocoon.cli.verifying.lines import Line, no, unknown, yes
from cocoon.cli.verifying.material import Material

_SIGNATURE: Final = 64
_LATEST: Final = float(1 << 37)


class Found(Struct, frozen=True):
    """The line, the bundle if it can be read, and the trust it gives, if any."""

    line: Line
    bundle: Bundle | None = None
    trust: Trust | None = None


def evidence(material: Material, claims: Claims, policy: Policy, now: float) -> Found:
    """Judge the evidence. `now` in seconds since 1970."""
    if material.evidence is None:
        return Found(unknown("evidence", f"The server's evidence is not there. {material.why('evidence')}"))
    try:
        bundle = bundles.decode(material.evidence)
    except bundles.MalformedBundle as error:
        return Found(no("evidence", str(error)))
    verdicts = [
        (at, verify(material.evidence, bundle.nonce, policy, at, material.collateral))
        for at in _moments(bundle, claims.finished, (material.gathered or now, now))
    ]
    for at, verdict in verdicts:
        if verdict.trusted:
            return Found(yes("evidence", _trusted(bundle, verdict, at, claims)), bundle, verdict.trust)
    verdict = min((verdict for _, verdict in verdicts), key=lambda each: len(each.reasons))
    return Found(_refusal(verdict, policy), bundle)


def _moments(bundle: Bundle, finished: int, known: tuple[float, ...]) -> Iterator[float]:
    """When the job finished, and the known times after that."""
    yield float(finished)
    yield from (at for at in (_made(bundle), *dict.fromkeys(known)) if finished < at < _LATEST)


def _made(bundle: Bundle) -> float:
    """When a development statement says that it was made; hardware's don't say. Proven by the verdict that follows."""
    if bundle.tee != "development":
        return 0.0
    try:
        return msgspec.json.decode(bundle.cpu[_SIGNATURE:], type=_Issued).issued
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return 0.0


class _Issued(Struct):
    issued: float


def _trusted(bundle: Bundle, verdict: Verdict, at: float, claims: Claims) -> str:
    what = f"It meets your policy: {bundle.tee}, {_devices(bundle)}, trust: {verdict.trust}"
    if at == claims.finished:
        return f"{what}, judged as of {format_time(at)}, when the job finished."
    newer = "it or its collateral is newer than the receipt, and vouches backwards as the key never leaves its TEE"
    return f"{what}, judged as of {format_time(at)}: {newer}."


def _devices(bundle: Bundle) -> str:
    """How many of each kind showed evidence of their own; the switches, if there are any."""
    gpus, switches = counted(len(bundle.gpus), "attested GPU"), counted(len(bundle.switches), "NVSwitch", "NVSwitches")
    return f"{gpus} and {switches}" if bundle.switches else gpus


def _refusal(verdict: Verdict, policy: Policy) -> Line:
    reasons = " ".join(f"{reason.message} [{reason.code}]" for reason in verdict.reasons)
    if is_undecided(verdict):
        return unknown("evidence", f"{reasons} --collateral names sources: vendors, an https address, or a folder.")
    hint = ""
    if not policy.allow_test_roots and any(reason.code == "TestRootRefused" for reason in verdict.reasons):
        hint = " If this is a development fleet, --allow-test-roots accepts it, and says so."
    return no("evidence", f"It does not meet your policy. {reasons}{hint}")


def trust(claims: Claims, found: Found) -> Line:
    """Whether the receipt claims no more than its evidence gives, and no less than its job asked for."""
    wrong = []
    if found.trust is not None and not found.trust.satisfies(claims.trust):
        wrong.append(f"The receipt claims trust: {claims.trust}, and its evidence gives trust: {found.trust}.")
    if not claims.trust.satisfies(claims.minimum_trust):
        wrong.append(f"The job asked for trust: {claims.minimum_trust}, and the work was done under {claims.trust}.")
    if wrong:
        return no("trust", " ".join(wrong))
    if found.trust is None:
        return unknown("trust", f"The receipt claims trust: {claims.trust}; that is its word until the evidence holds.")
    asked = f"the job asked for {claims.minimum_trust}"
    if found.trust is Trust.TEST:
        return yes("trust", f"trust: Test, which proves nothing about hardware ({asked}).")
    return yes("trust", f"trust: {claims.trust} ({asked}).")
