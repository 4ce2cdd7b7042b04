"""Whether owners got exactly what their receipts say: receipt, ledger entry, transfer, and the chain itself.

The chain is read by an independent client. Its sum must be that of all accepted receipts less the fee, to the nanoTON;
a balance is some nanoTON less, for accounts pay for being stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cocoon.api.payout import Transfer, WorkEntry
from cocoon.api.ton_address import parse_address
from demo import chain, payout
from demo.chain import Account
from demo.checks import Checks
from demo.errors import DemoError
from demo.explain import OPERATOR
from demo.kubectl import Kubectl, condition, until
from demo.payout import FEE_BASIS_POINTS, Desk
from demo.receipts import Verified

PATIENCE = 90.0
STORAGE = 100_000
"""nanoTON: what an account can have paid for being stored while a demo lasts."""


@dataclass(frozen=True)
class Books:
    """What the payout service says of one wallet: the work that it is paid for, in order, and its transfers."""

    work: tuple[WorkEntry, ...]
    transfers: tuple[Transfer, ...]

    @property
    def earned(self) -> int:
        """What all work is worth to the owner, in nanoTON."""
        return sum(map(net, self.work))

    @property
    def paid(self) -> int:
        """What confirmed payouts were, in nanoTON."""
        return sum(int(each.amount) for each in self.transfers if each.purpose == "payout")

    def transfer_of(self, jti: str) -> Transfer | None:
        """The transfer that holds this work's pay: each one pays all that is owed, so their sums tell."""
        owed = 0
        for entry in self.work:
            owed += net(entry)
            if entry.jti == jti:
                break
        sent = 0
        for transfer in self.transfers:
            sent += int(transfer.amount) if transfer.purpose == "payout" else 0
            if sent >= owed:
                return transfer
        return None


@dataclass(frozen=True)
class Settlement:
    """What became of the money for one wallet."""

    books: Books
    account: Account
    rows: list[tuple[str, ...]]


def net(entry: WorkEntry) -> int:
    """What of a receipt is the owner's."""
    return int(entry.cost) - int(entry.fee)


@dataclass(frozen=True)
class Wanted:
    """The wallet (raw) that is paid, and the receipts of the jobs, by name, that it is paid for."""

    kubectl: Kubectl
    owner: str
    receipts: Mapping[str, Verified]

    def check(self, checks: Checks) -> Settlement:
        """Wait until all of it is paid, and check every step from receipt to chain."""
        with payout.desk(self.kubectl) as desk:
            books = self._paid_books(desk)
            for name, found in self.receipts.items():
                checks.none(f"{name}: the ledger holds its receipt at its cost, less the fee", _entry(desk, found))
        account, hot = chain.accounts(self.kubectl, self.owner, hot_wallet(self.kubectl))
        _check_chain(books, account, hot, checks)
        return Settlement(books, account, [_row(name, found, books) for name, found in self.receipts.items()])

    def _paid_books(self, desk: Desk) -> Books:
        """The books once nothing of this run is owed any more."""
        latest: list[Books] = []
        wanted = {found.claims.jti for found in self.receipts.values()}

        def paid() -> bool:
            latest[:] = [self._books(desk)]
            books = latest[0]
            return wanted <= {entry.jti for entry in books.work} and books.paid >= books.earned and self._all_told()

        try:
            until(paid, "payment", PATIENCE)
        except DemoError:
            books = latest[0]
            raise DemoError(
                f"{books.earned} nanoTON were earned and {books.paid} paid within {PATIENCE:.0f} s; "
                f"{len(wanted - {entry.jti for entry in books.work})} receipts are not in the ledger; "
                f"jobs {'' if self._all_told() else 'do not '}say that they were reported.",
                f"kubectl -n {OPERATOR} logs statefulset/{payout.NAME}",
            ) from None
        return latest[0]

    def _all_told(self) -> bool:
        """Whether every job says that its receipt was reported."""
        jobs = (self.kubectl.find("inferencejob", name) for name in self.receipts)
        return all(condition(job, "Reported").get("status") == "True" for job in jobs)

    def _books(self, desk: Desk) -> Books:
        transfers = [each for each in desk.transfers() if each.state == "confirmed" and self._ours(each.payee)]
        work = [each for each in desk.work() if self._ours(each.payee)]
        return Books(
            tuple(sorted(work, key=lambda each: (each.received, each.jti))),
            tuple(sorted(transfers, key=lambda each: (each.settled or 0, each.id))),
        )

    def _ours(self, payee: str) -> bool:
        return parse_address(payee).raw() == self.owner


def hot_wallet(kubectl: Kubectl) -> str:
    """The address (raw) that the payout service pays from, as it says itself."""
    service = f"statefulset/{payout.NAME}"
    program = ("/opt/cocoon/bin/component", "--config=/etc/cocoon-payout/payout.yaml", "wallets")
    said = kubectl.within(OPERATOR)("exec", service, "--container=payout", "--", *program)
    return parse_address(said.split()[0]).raw()


def _entry(desk: Desk, found: Verified) -> list[str]:
    """Where ledger and receipt differ; empty if nowhere."""
    entry, claims = desk.receipt(found.claims.jti), found.claims
    fee = int(claims.cost) * FEE_BASIS_POINTS // 10_000
    same = {
        "state": (entry.state, "Accepted"),
        "receipt": (entry.receipt, found.receipt),
        "cost": (entry.cost, claims.cost),
        "fee": (entry.fee, str(fee)),
        "payee": (parse_address(entry.payee).raw(), parse_address(claims.payee).raw()),
    }
    return [f"{what}: {ours!r}, not {theirs!r}" for what, (ours, theirs) in same.items() if ours != theirs]


def _check_chain(books: Books, account: Account, hot: Account, checks: Checks) -> None:
    booked = sorted((each.id, int(each.amount)) for each in books.transfers)
    payouts = [each for each in account.incoming if each.source == hot.address]  # and not what others sent
    arrived = sorted((each.comment, each.amount) for each in payouts)
    checks.that(f"{len(booked)} transfers, and each arrived exactly once on the chain", booked == arrived, arrived)
    unknown = [each.id for each in books.transfers if each.transaction not in hot.transactions]
    checks.that("the transaction of every transfer is the hot wallet's on the chain", not unknown, unknown)
    came = sum(each.amount for each in payouts)
    what = f"receipts less the fee are {books.earned} nanoTON, and so much came to the owner's wallet"
    checks.that(what, came == books.earned == books.paid, f"{came} came, {books.paid} were paid")
    everything = sum(each.amount for each in account.incoming)
    kept = 0 <= everything - account.balance <= STORAGE
    checks.that(f"the owner has {ton(account.balance)} TON on the chain", kept, f"{everything} nanoTON came in")


def _row(name: str, found: Verified, books: Books) -> tuple[str, ...]:
    claims, transfer = found.claims, books.transfer_of(found.claims.jti)
    entry = next((each for each in books.work if each.jti == claims.jti), None)
    fee, owed = (entry.fee, str(net(entry))) if entry else ("-", "-")
    sent = (transfer.id, transfer.transaction[:16] + "…") if transfer else ("-", "-")
    return (name, claims.jti, claims.cost, fee, owed, *sent)


HEAD = ("JOB", "RECEIPT", "COST (nanoTON)", "FEE", "OWNER GETS", "TRANSFER", "TRANSACTION")


def last_lines(settlement: Settlement, owner: str, table: Sequence[str]) -> list[str]:
    """What the demo ends with."""
    books, account = settlement.books, settlement.account
    return [
        "",
        *table,
        "",
        f"{len(books.work)} receipts less the fee: {books.earned} nanoTON, paid in {len(books.transfers)} transfers.",
        "From every account the chain takes a few nanoTON for keeping it, so the balance may be that much less.",
        f"The owner's wallet {owner} has {ton(account.balance)} TON on the chain, says an independent client.",
    ]


def ton(amount: int) -> str:
    """Nine decimals, exactly."""
    return f"{amount // 10**9}.{amount % 10**9:09}"
