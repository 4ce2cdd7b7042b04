"""The names of accounts, and which way money runs between them.

An account's balance is what came in less what went out. Seen from the service, money that it owes is above zero, and
what it holds is below: the hot wallet's balance is the coins in it, negated.

    deposits ──credit──▶ client:CLUSTER/NAMESPACE ──receipt──▶ payee:PROVIDER/ADDRESS ──reserved──▶ in flight:…
                                            └─────fee──▶ fees                 ▲──────expired─────────┘   │ confirmed
    network costs ──fees of the chain──▶ hot wallet ◀────────────────────────────────────────────────────┘
    hot wallet ──bounce──▶ returned            hot wallet ──coins of a stranger──▶ unattributed
    hot wallet ──funding──▶ deposits
    test payments ──▶ payee:pay-test ID/ADDRESS ──reserved──▶ …
    written off ──▶ hot wallet ──▶ unattributed          a drift that a person looked into and took over
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Kind = Literal[
    "deposits", "client", "payee", "in flight", "fees", "network costs", "hot wallet", "returned", "unattributed"
]


class Account(Struct, frozen=True):
    """One account. `cluster` says whose readers may see it; `provider` and `payee` (raw address) are an owner's."""

    name: str
    kind: Kind
    cluster: str = ""
    provider: str = ""
    payee: str = ""


DEPOSITS: Final = Account("deposits", "deposits")
FEES: Final = Account("fees", "fees")
NETWORK_COSTS: Final = Account("network costs", "network costs")
HOT_WALLET: Final = Account("hot wallet", "hot wallet")
RETURNED: Final = Account("returned", "returned")
#: What test payments cost the payer, and what is gone from the wallets for good.
TEST_PAYMENTS: Final = Account("test payments", "network costs")
WRITTEN_OFF: Final = Account("written off", "network costs")
UNATTRIBUTED: Final = Account("unattributed", "unattributed")


#: With a space, which no provider's uid has.
_TEST: Final = "pay-test "


def client(cluster: str, namespace: str) -> Account:
    """What a tenant's namespace may still spend."""
    return Account(f"client:{cluster}/{namespace}", "client", cluster)


def payee(cluster: str, provider: str, address: str) -> Account:
    """What is owed to an owner: a provider's uid and the raw address that its servers fixed."""
    return Account(f"payee:{provider}/{address}", "payee", cluster, provider, address)


def in_flight(cluster: str, provider: str, address: str) -> Account:
    """What of it is reserved for transfers whose outcome the chain has not shown yet."""
    return Account(f"in flight:{provider}/{address}", "in flight", cluster, provider, address)


def pay_test(name: str, address: str) -> Account:
    """What is owed for one test payment to a raw address."""
    return payee("", f"{_TEST}{name}", address)


def is_test(account: Account) -> bool:
    """Whether it is a test payment's."""
    return account.provider.startswith(_TEST)
