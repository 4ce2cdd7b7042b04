"""Whom to ask for evidence and when, and the readiness gate that shows what the evidence came to.

A verdict is renewed before it expires, at a time that differs from server to server. A failure to get one changes
nothing until then: unknown is not untrusted. Verdicts themselves stay in the operator; the condition on the Pod only
displays them.
"""

from __future__ import annotations

from typing import Final

from cocoon.api.conditions import Truth
from cocoon.api.evidence import Verdict
from cocoon.api.groups import ATTESTED_CONDITION
from cocoon.api.times import Instant
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.actions import AttestServer
from cocoon.fleet.plan.backoff import growing, spread
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.expectations import is_expected
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.records import Attestation, Provider, Server, Uid
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import restarted, was_never_trusted

FIRST_RETRY: Final = 10.0
LONGEST_RETRY: Final = 900.0
#: The part of a verdict's life after which it is renewed, at the latest; jitter makes it up to a fifth earlier.
RENEW_AT: Final = 0.8


def next_try(server: Uid, now: Instant, verdict: Verdict | None, failures: int, every: int) -> Instant:
    """When to ask a server for evidence again, from what the newest try came to.

    `failures` tries in a row brought no trusted verdict; `every` is the provider's reattestEvery in seconds.
    """
    if failures or verdict is None:
        return now + growing(failures, FIRST_RETRY, LONGEST_RETRY) * (1 + 0.1 * spread(server))
    life = min(float(every), max(verdict.not_after - now, 0.0))
    return now + life * RENEW_AT * (1 - 0.2 * spread(server))


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Attest what is due and show what is known."""
    for key in sorted(draft.touched.servers):
        server = snapshot.servers.get(key)
        if server is None or is_expected(server) or server.ended:
            continue
        provider = snapshot.providers.get(server.provider)
        if provider is not None:
            _attest_when_due(snapshot, server, now, draft)
            _show(snapshot, provider, server, now, draft)


def _attest_when_due(snapshot: Snapshot, server: Server, now: Instant, draft: Draft) -> None:
    if not server.running or not server.address:
        return
    due = _due(snapshot, server, now)
    if due <= now:
        draft.add(AttestServer(server.key, server.uid, server.provider))
    else:
        draft.wake(("server", server.key), due)


def _due(snapshot: Snapshot, server: Server, now: Instant) -> Instant:
    """When to ask for evidence: when it was agreed, or soon if the runner may be another by now."""
    known, view = snapshot.attestations.get(server.uid), snapshot.runners.get(server.uid)
    if known is None:
        return now
    silent = view is not None and view.unreachable_since is not None and not known.failures
    if not silent and not restarted(known, view):
        return known.next_try
    return min(known.next_try, snapshot.memory.attested.get(server.uid, 0.0) + FIRST_RETRY)


def _show(snapshot: Snapshot, provider: Provider, server: Server, now: Instant, draft: Draft) -> None:
    known = snapshot.attestations.get(server.uid)
    shown = judged(snapshot, provider, server, known, now)
    if shown is None:
        return
    truth, cause = shown
    old = server.attested
    if old is None or (old.status, old.reason, old.message) != (truth, cause.reason, cause.message):
        draft.condition(server, ATTESTED_CONDITION, truth, cause)


def judged(
    snapshot: Snapshot, provider: Provider, server: Server, known: Attestation | None, now: Instant
) -> tuple[Truth, Cause] | None:
    """What the readiness gate shows; None if nothing is known, so that what it shows stays."""
    verdict = known.verdict if known is not None else None
    if known is None or verdict is None:
        return None
    if not verdict.trusted:
        reason = reasons.NEVER_TRUSTED if was_never_trusted(server) else reasons.NOT_TRUSTED
        return "False", Cause(reason, untrusted_message(verdict))
    if verdict.not_after <= now:
        why = known.failure or "no new one could be had in time"
        return "False", Cause(reasons.VERDICT_EXPIRED, f"The last verdict has expired: {why}.")
    if restarted(known, snapshot.runners.get(server.uid)):
        return "False", Cause(reasons.RUNNER_RESTARTED, "The runner has restarted and is attested anew.")
    if not verdict.trust.satisfies(provider.trust):
        message = f"The evidence has trust {verdict.trust}, but the provider asks for {provider.trust}."
        return "False", Cause(reasons.TRUST_TOO_LOW, message)
    return "True", Cause(reasons.TRUSTED, f"The evidence is trusted ({verdict.trust}).")


def untrusted_message(verdict: Verdict) -> str:
    """All reasons why evidence is not trusted, as a sentence each."""
    return " ".join(f"{reason.code}: {reason.message}" for reason in verdict.reasons) or "The evidence is not trusted."
