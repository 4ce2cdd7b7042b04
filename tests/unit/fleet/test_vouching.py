"""What evidence of an earlier start must be like to speak for the receipts of its key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from cocoon.api.evidence import Bundle
from cocoon.api.receipts import Claims
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest import receipts
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.policy import Policy
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.vouching import vouched_key
from cocoon.runner.keys import make_keys
from tests.attest.makers.certificates import AT
from tests.attest.makers.intel import intel
from tests.unit.plan.builders import finished, job

NOW = 1_800_000_000.0
PAYEE = "UQpayee"
ALLOWS = Policy(trust=Trust.TEST, allow_test_roots=True)
KEYS = make_keys(datetime.fromtimestamp(NOW, UTC))


async def shown() -> Bundle:
    """Development evidence of an hour's worth."""
    collector = SoftwareCollector(now=lambda: NOW, lifetime=3600.0)
    return await collector.collect(bytes(32), KEYS.public, PAYEE)


def receipt(of: Bundle, **changes: Any) -> str:
    """A receipt that this evidence's key signed."""
    claims = claims_of(finished(job(), 1, 1).receipt)
    assert claims is not None
    about = {"evidence_sha256": bundles.digest(of), "payee": PAYEE, "finished": int(NOW) + 60}
    signed: Claims = replace(claims, **(about | changes))
    return receipts.sign(signed, KEYS.receipt)


async def test_trusted_evidence_speaks_for_its_key_long_after() -> None:
    bundle = await shown()
    found = vouched_key(bundles.encode(bundle), [receipt(bundle), "a.b.c"], ALLOWS)
    assert found == KEYS.public.receipt


@pytest.mark.parametrize(
    "changes",
    [
        {"finished": int(NOW) + 4000},  # the evidence had expired by then
        {"finished": int(NOW) - 4000},  # and was not there yet
        {"payee": "UQother"},
        {"evidence_sha256": "ab" * 32},
    ],
)
async def test_it_speaks_only_for_what_it_can(changes: dict[str, Any]) -> None:
    bundle = await shown()
    assert vouched_key(bundles.encode(bundle), [receipt(bundle, **changes)], ALLOWS) is None


async def test_a_policy_of_today_judges_it() -> None:
    bundle = await shown()
    for policy in (Policy(), Policy(trust=Trust.TEST, allow_test_roots=True, measurements=("ab",))):
        assert vouched_key(bundles.encode(bundle), [receipt(bundle)], policy) is None


async def test_a_time_that_its_key_did_not_sign_counts_for_nothing() -> None:
    bundle = await shown()
    late, forged = receipt(bundle, finished=int(NOW) + 4000), receipt(bundle)
    forged = forged[:-8] + ("A" * 8 if not forged.endswith("A" * 8) else "B" * 8)
    assert vouched_key(bundles.encode(bundle), [forged, late], ALLOWS) is None
    assert vouched_key(bundles.encode(bundle), [forged], ALLOWS) is None


async def test_what_is_no_evidence_or_was_changed_says_nothing() -> None:
    bundle = await shown()
    changed = replace(bundle, payee="UQother")
    assert vouched_key(b"{}", [receipt(bundle)], ALLOWS) is None
    assert vouched_key(bundles.encode(changed), [receipt(bundle)], ALLOWS) is None
    assert vouched_key(bundles.encode(changed), [receipt(changed, payee="UQother")], ALLOWS) is None


async def test_evidence_of_hardware_is_judged_as_of_today() -> None:
    """It has no end of its own, and the collateral at hand is today's."""
    vendor = intel()
    quote = vendor.quote(vendor.platform(), bundles.bind("runner", bytes(32), KEYS.public, PAYEE))
    bundle = replace(await shown(), tee="tdx", cpu=quote, endorsements=b"")
    policy = replace(ALLOWS, test_roots=frozenset({vendor.root.fingerprint}))
    told, raw = [receipt(bundle, finished=int(AT) - 86_400 * 300)], bundles.encode(bundle)
    assert vouched_key(raw, told, policy, AT, vendor.collateral()) == KEYS.public.receipt
    assert vouched_key(raw, told, policy, AT) is None
