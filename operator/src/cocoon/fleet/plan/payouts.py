"""Whether a provider's owner is paid as agreed, as far as the payout service says.

Out of reach is not failed: receipts wait, the last known figures stay, and the condition is Unknown, also while the
service answers that it can't work. It is False only when the service itself says that it holds money back.
"""

from __future__ import annotations

from typing import Final

from cocoon.api.conditions import Truth, find
from cocoon.api.times import format_time
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.records import PayoutLink, Provider
from cocoon.fleet.plan.snapshot import Snapshot

#: What an operator that has just started leaves as it is until it has asked.
_KNOWN: Final = frozenset((reasons.PAYING, reasons.PAYOUTS_HELD))


def payouts(snapshot: Snapshot, provider: Provider) -> tuple[str, Truth, Cause]:
    """The condition PayoutsCurrent: its type, status, reason and message."""
    kind, link, holds = reasons.PAYOUTS_CURRENT, snapshot.payout, snapshot.holds
    if not link.configured:
        return kind, "Unknown", Cause(reasons.NO_PAYOUT_SERVICE, "No payout service is configured: work is free.")
    if link.unreachable_since is not None:
        return kind, "Unknown", _trouble(link, format_time(link.unreachable_since))
    if holds is None:
        return _as_it_was(provider)
    if holds.unread:
        message = (
            f"The earnings can't be read: {holds.unread} Those shown are the last ones known. Give the operator's "
            "service account the right to report in the payout service's settings."
        )
        return kind, "Unknown", Cause(reasons.EARNINGS_UNREAD, message)
    if held := holds.of(provider.uid):
        return kind, "False", Cause(reasons.PAYOUTS_HELD, held)
    return kind, "True", Cause(reasons.PAYING, "Nothing holds up what is due.")


def _trouble(link: PayoutLink, since: str) -> Cause:
    """Nobody there, or somebody who can't work: not the same places to look at."""
    kept = "The earnings shown are the last ones known, and receipts are kept until it does."
    if link.said:
        message = (
            f"Receipts don't get through since {since}: {link.said} {kept} Its log says more; if its database is away, "
            "see that PostgreSQL runs, or that the volume is mounted and not full."
        )
        return Cause(reasons.PAYOUT_FAILING, message)
    message = (
        f"The payout service has not answered since {since}. {kept} See that it runs and --payout-url leads to it."
    )
    return Cause(reasons.PAYOUT_UNREACHABLE, message)


def _as_it_was(provider: Provider) -> tuple[str, Truth, Cause]:
    known = find(provider.status.conditions, reasons.PAYOUTS_CURRENT)
    if known is not None and known.reason in _KNOWN:
        return known.type, known.status, Cause(known.reason, known.message)
    return reasons.PAYOUTS_CURRENT, "Unknown", Cause(reasons.ASKING_PAYOUTS, "The payout service is being asked.")
