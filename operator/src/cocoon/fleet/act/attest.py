"""Asking a server for evidence and reaching a verdict on it.

The connection on which evidence is asked for trusts nobody. The verdict counts only if the evidence binds the key of
that connection's own certificate; from then on the server is spoken to over that certificate only.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from typing import Final

from msgspec.structs import replace

from cocoon.api.evidence import NONCE_BYTES, Reason, Verdict
from cocoon.attest import bundle as bundles
from cocoon.attest.collateral import NONE, Collateral
from cocoon.attest.policy import Policy
from cocoon.attest.tls import spki_digest
from cocoon.attest.verify import is_undecided, verify
from cocoon.fleet.act.means import Means
from cocoon.fleet.attestation_terms import policy_of
from cocoon.fleet.logs import fields
from cocoon.fleet.plan.actions import AttestServer
from cocoon.fleet.plan.records import Attestation, RunnerView
from cocoon.fleet.plan.trust import next_try, untrusted_message
from cocoon.fleet.ports.failures import Failure
from cocoon.fleet.ports.servers import Place, Shown

#: A Pod younger than this (seconds) may not have opened its port yet.
STARTING: Final = 60.0
#: Seconds for collateral; what takes longer is missing this time.
PATIENCE: Final = 40.0
LOG: Final = logging.getLogger(__name__)
_NOT_BOUND: Final = Reason("KeyMismatch", "The evidence does not name the key of the connection it came over.")


async def attest_server(action: AttestServer, means: Means) -> None:
    """Reach a verdict, or note why none could be reached and raise that."""
    place = means.place(action.server, action.server_uid)
    provider = means.provider(action.provider)
    nonce = os.urandom(NONCE_BYTES)
    try:
        shown = await means.servers.evidence(place, nonce)
    except Failure as failure:
        if not _is_starting(action, means):
            _failed(action, str(failure), means)
        raise
    gpus = means.server(action.server, action.server_uid).gpus
    policy = policy_of(provider, means.test_roots, gpus)
    collateral = await collateral_of(shown.bundle, means)
    # On a thread: some 50 signatures for a server with 8 GPUs, tens of milliseconds in which OpenSSL gives up the GIL.
    verdict = await asyncio.to_thread(judge, shown, nonce, policy, means.clock.now(), collateral)
    if is_undecided(verdict):
        _noted(action, untrusted_message(verdict), means)
        return
    same = False
    if verdict.trusted:
        same = await _trust(place, action, shown, means)
        means.accepted.put(verdict.evidence, shown.bundle)
        await _register(action, shown, means)
    _reached(action, verdict, means, same=same)


def _is_starting(action: AttestServer, means: Means) -> bool:
    """Whether the runner may still be opening its port: then it is asked again soon, and nothing is noted."""
    server = means.server(action.server, action.server_uid)
    known = action.server_uid in means.mirror.snapshot.attestations
    return not known and means.clock.now() - server.created < STARTING


async def collateral_of(raw: bytes, means: Means) -> Collateral:
    """What a verdict on this bundle takes, as far as it can be had in time."""
    return await means.library.collect_within(PATIENCE, raw) if means.library is not None else NONE


def judge(shown: Shown, nonce: bytes, policy: Policy, now: float, collateral: Collateral = NONE) -> Verdict:
    """The verdict on evidence together with the connection it came over."""
    verdict = verify(shown.bundle, nonce, policy, now, collateral)
    if not verdict.trusted or hmac.compare_digest(
        bundles.decode(shown.bundle).keys.tls, spki_digest(shown.certificate)
    ):
        return verdict
    return replace(verdict, trusted=False, not_after=now, reasons=(_NOT_BOUND,))


async def _trust(place: Place, action: AttestServer, shown: Shown, means: Means) -> bool:
    """Speak to this runner from now on; whether it is the one that was attested before."""
    await means.servers.pin(place, shown.certificate)
    same = means.keys.add(action.server_uid, bundles.decode(shown.bundle).keys.receipt)
    means.nudges.nudge(action.server_uid)
    return same


async def _register(action: AttestServer, shown: Shown, means: Means) -> None:
    """Hand the evidence to the payout service too; if it is away now, the server's next receipt brings it along."""
    try:
        await means.payout.register(shown.bundle)
    except Failure as failure:
        LOG.warning("Evidence not registered", extra=fields(server=action.server, why=str(failure)))


def _reached(action: AttestServer, verdict: Verdict, means: Means, *, same: bool) -> None:
    """Note the verdict; a runner says its boot with its next page of events, unless it is known already."""
    old = means.mirror.snapshot.attestations.get(action.server_uid)
    failures = 0 if verdict.trusted else (old.failures if old else 0) + 1
    boot = old.boot if old is not None and same else ""
    _know(Attestation(action.server_uid, verdict, 0.0, failures, boot=boot), action, means)


def _noted(action: AttestServer, failure: str, means: Means) -> None:
    """No verdict could be reached: the last one stands until it expires, and another is sought sooner."""
    old = means.mirror.snapshot.attestations.get(action.server_uid)
    kept = old or Attestation(action.server_uid, None, 0.0)
    _know(replace(kept, failures=kept.failures + 1, failure=failure[:300]), action, means)


def _failed(action: AttestServer, failure: str, means: Means) -> None:
    _noted(action, failure, means)
    if action.server_uid not in means.mirror.snapshot.runners:
        now = means.clock.now()
        means.mirror.know(RunnerView(action.server_uid, "", 0.0, unreachable_since=now, heard=False))


def _know(attestation: Attestation, action: AttestServer, means: Means) -> None:
    provider = means.provider(action.provider)
    now, failures = means.clock.now(), attestation.failures
    due = next_try(action.server_uid, now, attestation.verdict, failures, provider.reattest_every)
    means.mirror.know(replace(attestation, next_try=due))
