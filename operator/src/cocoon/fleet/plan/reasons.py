"""Reasons of conditions, Events and attempts: constants that people and programs may match on."""

from __future__ import annotations

from typing import Final

# Conditions of jobs.
BOUND: Final = "Bound"
SUCCEEDED: Final = "Succeeded"
REPORTED: Final = "Reported"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"

# Conditions of providers.
READY: Final = "Ready"
WALLET_VALID: Final = "WalletValid"
MODELS_VALID: Final = "ModelsValid"
CAPACITY_AVAILABLE: Final = "CapacityAvailable"
ATTESTED: Final = "Attested"
UP_TO_DATE: Final = "UpToDate"
PAYOUTS_CURRENT: Final = "PayoutsCurrent"

# Why a job is bound, waits or is over.
JOB_BOUND: Final = "Bound"
RUNNING: Final = "Running"
QUEUED: Final = "Queued"
NO_OFFER: Final = "NoOffer"
NO_FREE_SLOTS: Final = "NoFreeSlots"
NO_KEYRING: Final = "NoKeyring"
NO_CREDIT: Final = "CreditExhausted"
BUDGET_NEEDED: Final = "BudgetNeeded"
SUSPENDED: Final = "Suspended"
DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
ATTEMPTS_EXHAUSTED: Final = "AttemptsExhausted"
COMPLETED: Final = "Completed"

# Why an attempt ended.
SERVER_LOST: Final = "ServerLost"
SERVER_RETIRING: Final = "ServerRetiring"
SERVER_NOT_TRUSTED: Final = "ServerNotTrusted"
RECEIPT_MISSING: Final = "ReceiptMissing"
RECEIPT_UNREADABLE: Final = "ReceiptUnreadable"
SUPERSEDED: Final = "Superseded"
JOB_DELETED: Final = "JobDeleted"
INTERRUPTED: Final = "Interrupted"

# Why a server is or is not trusted.
TRUSTED: Final = "Trusted"
NOT_TRUSTED: Final = "NotTrusted"
NEVER_TRUSTED: Final = "NeverTrusted"
TRUST_TOO_LOW: Final = "TrustTooLow"
VERDICT_EXPIRED: Final = "VerdictExpired"
RUNNER_RESTARTED: Final = "RunnerRestarted"

# Why a server is retired.
PROVIDER_DELETED: Final = "ProviderDeleted"
DRAINING: Final = "Draining"
NOT_OFFERED: Final = "NotOffered"
OUTDATED: Final = "Outdated"
IDLE: Final = "Idle"
ABOVE_MAXIMUM: Final = "AboveMaximum"
UNSCHEDULABLE: Final = "Unschedulable"
MAKING_ROOM: Final = "MakingRoom"
ENDED: Final = "Ended"

# Providers.
AS_DECLARED: Final = "AsDeclared"
ROLLING_OUT: Final = "RollingOut"
ROLLOUT_STOPPED: Final = "RolloutStopped"
SERVER_CREATED: Final = "ServerCreated"
NO_ROOM: Final = "NoRoom"
DRAINED: Final = "Drained"
NO_NODES: Final = "NoNodes"
NO_GPUS: Final = "NoGPUs"
MODEL_FAILED: Final = "ModelFailed"
NO_SERVERS: Final = "NoServers"
ATTESTING: Final = "Attesting"
SERVING: Final = "Serving"
HOLDING: Final = "Holding"
NO_PAYOUT_SERVICE: Final = "NoPayoutService"
PAYOUT_REFUSED: Final = "Refused"
POSTPONED: Final = "Postponed"
PAYOUT_UNREACHABLE: Final = "PayoutServiceUnreachable"
PAYOUT_FAILING: Final = "PayoutServiceFailing"
PAYING: Final = "Paying"
PAYOUTS_HELD: Final = "PayoutsHeld"
EARNINGS_UNREAD: Final = "EarningsUnread"
ASKING_PAYOUTS: Final = "AskingPayoutService"
