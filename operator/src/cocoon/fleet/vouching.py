"""Receipts of a runner's earlier starts, when the operator has restarted as well and remembers none of its keys.

A receipt key lives in the memory of one start of one TEE and nowhere else. So a bundle that is trusted speaks for all
that its key ever signed, whoever hands it over, and however late (docs/adr/0007 and 0009 say what this rests on). The
runner keeps the bundle beside its receipts; it is verified here as of the moment at which the work was finished.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from cocoon.api.receipts import Claims
from cocoon.api.runner import EventPage, Finished
from cocoon.attest import bundle as bundles
from cocoon.attest.collateral import NONE, Collateral
from cocoon.attest.policy import Policy
from cocoon.attest.receipts import open_receipt
from cocoon.attest.verify import verify
from cocoon.fleet.act.attest import collateral_of
from cocoon.fleet.act.means import Means
from cocoon.fleet.attestation_terms import policy_of
from cocoon.fleet.logs import fields
from cocoon.fleet.plan.records import Uid

LOG: Final = logging.getLogger(__name__)


async def vouch(page: EventPage, server: Uid, means: Means) -> None:
    """Know the keys of earlier starts that the evidence on a page of a server's attested runner speaks for."""
    policy = _policy(server, means)
    if not page.evidence or policy is None:
        return
    receipts = [event.receipt for event in page.events if isinstance(event, Finished)]
    for raw in page.evidence:
        collateral = await collateral_of(raw, means)
        key = await asyncio.to_thread(vouched_key, raw, receipts, policy, means.clock.now(), collateral)
        if key is not None and not means.keys.add(server, key):
            means.accepted.put(bundles.digest(bundles.decode(raw)), raw)
            LOG.info("Evidence of an earlier start vouches for its receipts", extra=fields(server=server))


def _policy(server: Uid, means: Means) -> Policy | None:
    snapshot = means.mirror.snapshot
    key = snapshot.server_keys.get(server)
    provider = snapshot.providers.get(snapshot.servers[key].provider) if key is not None else None
    return policy_of(provider, means.test_roots) if provider is not None else None


def vouched_key(
    raw: bytes, receipts: Sequence[str], policy: Policy, now: float = 0.0, collateral: Collateral = NONE
) -> bytes | None:
    """The receipt key (32 bytes) of this bundle, if it signed some of these receipts and was to be trusted then.

    The policy is today's, the time is the end of the last work that the key signed for. The nonce is the bundle's own:
    whoever chose it is gone, and what it would show, that the TEE runs now, is not asked. Evidence of hardware has no
    end of its own: it is judged as of `now`, which today's collateral is for.
    """
    try:
        bundle = bundles.decode(raw)
    except bundles.MalformedBundle:
        return None
    key, name = bundle.keys.receipt, bundles.digest(bundle)
    opened = [claims for claims in (_opened(receipt, key) for receipt in receipts) if claims is not None]
    if not opened or any((claims.evidence_sha256, claims.payee) != (name, bundle.payee) for claims in opened):
        return None
    finished = max(claims.finished for claims in opened)
    at = float(finished) if bundle.tee == "development" else now
    return key if verify(raw, bundle.nonce, policy, at, collateral).trusted else None


def _opened(receipt: str, key: bytes) -> Claims | None:
    try:
        return open_receipt(receipt, key)
    except ValueError:
        return None
