"""Messages of the payout service's HTTP API, all JSON; amounts are decimal strings of nanoTON.

| call | right | request | answer |
|---|---|---|---|
| `PUT /v1/servers/{key}/evidence` | report | Bundle | Registered |
| `PUT /v1/work/{cluster}/{job}` | report | WorkReport | WorkAnswer: 201 new, 200 the same, 409 superseded |
| `POST /v1/work/{cluster}` | report | BulkReport | BulkAnswer |
| `GET /v1/clients/{cluster}` | report | | ClientAccounts |
| `PUT /v1/owners/{cluster}/terms` | report | OwnerTermsList | OwnerTermsList: those in force |
| `GET /v1/owners/{cluster}/earnings` | report | | EarningsPage |
| `PUT /v1/clients/{cluster}/{namespace}/credit` | administer | Credit | ClientAccount: 201 new, 200 the same |
| `GET /v1/accounts`, `/v1/accounts/{provider}` | read | | OwnerAccounts |
| `GET /v1/work` | read | | WorkList |
| `GET /v1/transfers` | read | | TransferList |
| `GET /v1/statement.csv` | read | | CSV: one line for each day, provider and payee |
| `GET /v1/receipts/{jti}` | read | | WorkEntry |
| `GET /v1/evidence/{sha256}` | read | | Bundle |
| `POST /v1/pause`, `/v1/resume` | administer | Pause | Pauses |
| `POST /v1/pay-test` | administer | PayTest | TestPayment: 201 new, 200 known |
| `POST /v1/drift` | administer | DriftReport | DriftReport: 201 new, 200 the same |

Errors are problem+json (RFC 9457): PayoutProblem, which names the field that is wrong.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cocoon.api.money import Price, Usage

#: The most receipts in one bulk report.
MOST_RECEIPTS = 1_000
Amount = Annotated[str, Meta(pattern="^(0|[1-9][0-9]{0,18})$", description="nanoTON")]
Name = Annotated[str, Meta(min_length=1, max_length=253)]
Receipt = Annotated[str, Meta(min_length=1, max_length=16_384)]
WorkState = Literal["Accepted", "Superseded", "Interrupted"]
TransferState = Literal["reserved", "sent", "confirmed", "expired", "bounced"]


class PayoutProblem(Struct, frozen=True, omit_defaults=True):
    """Why a call was refused. `code` in CamelCase, `detail` a sentence that says what to do, `field` what is wrong."""

    code: str
    detail: str
    status: int
    title: str = ""
    type: str = "about:blank"
    field: str = ""
    retry: bool = False
    """Whether the same call may succeed later, without a change of it."""


class Registered(Struct, frozen=True, rename="camel"):
    """Evidence was verified: receipts of `key` that finished from `opens` to `closes` (seconds since 1970) count."""

    key: str
    evidence: str
    trust: str
    payee: str
    opens: float
    closes: float


class WorkReport(Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One receipt. `price` is that of the job's binding, if the reporter knows it: a receipt may not be above it."""

    receipt: Receipt
    price: Price | None = None


class BulkReport(Struct, frozen=True, forbid_unknown_fields=True):
    """Receipts of one cluster; each is taken or refused for itself."""

    receipts: Annotated[tuple[WorkReport, ...], Meta(min_length=1, max_length=MOST_RECEIPTS)]


class WorkAnswer(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of a receipt. `accepted` is the jti of the job's paid receipt, whichever that is; empty if none."""

    jti: str
    state: WorkState
    cost: Amount
    fee: Amount
    accepted: str = ""


class BulkItem(Struct, frozen=True, omit_defaults=True):
    """The answer to one receipt, as `PUT /v1/work/{cluster}/{job}` would have given it."""

    status: int
    answer: WorkAnswer | None = None
    problem: PayoutProblem | None = None


class BulkAnswer(Struct, frozen=True):
    """In the order of the receipts."""

    answers: tuple[BulkItem, ...]


class Credit(Struct, frozen=True, forbid_unknown_fields=True):
    """`amount` more may be spent. `id` makes it happen once: an invoice's number, or the like."""

    id: Name
    amount: Amount


class ClientAccount(Struct, frozen=True):
    """What a tenant's namespace may still spend."""

    cluster: str
    namespace: str
    available: Amount


class ClientAccounts(Struct, frozen=True):
    """All client accounts of a cluster, by namespace."""

    clients: tuple[ClientAccount, ...]


class LastTransfer(Struct, frozen=True):
    """The newest confirmed transfer; `at` in seconds since 1970."""

    id: str
    amount: Amount
    transaction: str
    at: float


class OwnerAccount(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What one payee of a provider has earned: owed, on its way, and paid."""

    cluster: str
    provider: str
    payee: str
    accrued: Amount
    in_flight: Amount
    paid: Amount
    last_transfer: LastTransfer | None = None


class OwnerAccounts(Struct, frozen=True, omit_defaults=True):
    """A page of accounts; ask again with `after` = `next` while there is one."""

    accounts: tuple[OwnerAccount, ...]
    next: str = ""


class OwnerTerms(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How a provider, by its uid, wants to be paid: an amount in nanoTON and a time in seconds.

    The service bounds both by its own rules: a provider can be paid later and more at once than those say, not sooner.
    """

    provider: Name
    minimum_payout: Amount
    maximum_delay: Annotated[float, Meta(ge=0, le=1e9)]


class OwnerTermsList(Struct, frozen=True, forbid_unknown_fields=True):
    """Terms of some providers of one cluster; those of others stay as they are."""

    terms: Annotated[tuple[OwnerTerms, ...], Meta(min_length=1, max_length=1_000)]


class ProviderEarnings(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What all payees of one provider are owed, what is on its way to them, and what they were paid."""

    provider: str
    accrued: Amount
    in_flight: Amount
    paid: Amount
    last_transfer: LastTransfer | None = None


class Hold(Struct, frozen=True, omit_defaults=True):
    """Why nothing is sent now, to one provider (its uid) or, if that is empty, to anybody."""

    code: str
    detail: str
    provider: str = ""


class EarningsPage(Struct, frozen=True, omit_defaults=True):
    """Earnings that changed since `cursor` was given out, and all holds in force. Without a cursor: of all providers.

    Ask again with the new `cursor`: at once if there is `more`, else when you like.
    """

    providers: tuple[ProviderEarnings, ...]
    cursor: str
    holds: tuple[Hold, ...] = ()
    more: bool = False


class WorkEntry(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One receipt as the books have it. Times in seconds since 1970."""

    jti: str
    state: WorkState
    cluster: str
    job: str
    attempt: int
    outcome: str
    namespace: str
    name: str
    provider: str
    payee: str
    model: str
    usage: Usage
    cost: Amount
    fee: Amount
    trust: str
    evidence: str
    finished: int
    received: float
    receipt: str = ""


class WorkList(Struct, frozen=True, omit_defaults=True):
    """A page of receipts in the order of their jti; ask again with `after` = `next` while there is one."""

    work: tuple[WorkEntry, ...]
    next: str = ""


class Transfer(Struct, frozen=True, omit_defaults=True):
    """One payment to one wallet. `transaction` is the hash of the chain's transaction once it is confirmed."""

    id: str
    cluster: str
    provider: str
    payee: str
    amount: Amount
    purpose: str
    state: TransferState
    reserved: float
    transaction: str = ""
    settled: float | None = None


class TransferList(Struct, frozen=True, omit_defaults=True):
    """A page of transfers in the order of their ids; ask again with `after` = `next` while there is one."""

    transfers: tuple[Transfer, ...]
    next: str = ""


class PayTest(Struct, frozen=True, forbid_unknown_fields=True):
    """Send 0.01 TON to a wallet; `id` makes it happen once, and asks how far it is when it is given again."""

    id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
    payee: Annotated[str, Meta(min_length=1, max_length=80)]


class TestPayment(Struct, frozen=True, omit_defaults=True):
    """How far a test payment to a raw address is: `accrued` until it is in a message. `transaction` once confirmed.

    `holds`: what keeps an accrued one from being sent, as the newest round found it.
    """

    __test__ = False  # pytest takes it for a class of tests

    id: str
    payee: str
    amount: Amount
    state: str
    transaction: str = ""
    holds: tuple[Hold, ...] = ()


class DriftReport(Struct, frozen=True, forbid_unknown_fields=True):
    """A drift that somebody has looked into: `amount` is exactly what the wallets have beyond the books, signed."""

    id: Name
    amount: Annotated[str, Meta(pattern="^-?[1-9][0-9]{0,18}$", description="nanoTON, below 0 if coins are missing")]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class Pause(Struct, frozen=True, forbid_unknown_fields=True):
    """Why sending stops or goes on. `subject` is empty for all sending."""

    reason: Annotated[str, Meta(max_length=500)] = ""
    subject: Annotated[str, Meta(max_length=253)] = ""


class PauseState(Struct, frozen=True):
    """One pause in force; `since` in seconds since 1970."""

    subject: str
    by: str
    reason: str
    since: float


class Pauses(Struct, frozen=True, omit_defaults=True):
    """All pauses in force. `note` says what of the call was left out, and is missing if nothing was."""

    pauses: tuple[PauseState, ...]
    note: str = ""
