"""What a transaction means for the books."""

from __future__ import annotations

from msgspec import structs

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address, parse_address
from cocoon.payout.ledger.accounts import payee
from cocoon.payout.reconciling.meaning import KnownBatch, KnownTransfer, Place, find
from cocoon.ton.chain import BEFORE_THE_FIRST, Message, MessageKind, TransactionId, WalletTransaction
from cocoon.ton.highload import Transfer
from cocoon.ton.wallet_history import Accepted, ListReturned, Paid, Received, Returned

WALLET, FUNDER, STRANGER = (Address(0, bytes([number]) * 32) for number in (1, 2, 3))
PLACE = Place(7, WALLET, (FUNDER,))
OWNERS = [payee("c", f"p{number}", f"0:{number:064x}") for number in (10, 11)]
BATCH = KnownBatch(5, tuple(KnownTransfer(f"id-{n}", OWNERS[n], NanoTon(100 + n), "sent") for n in range(2)))
SENT = tuple(Transfer(parse_address(each.account.payee), each.amount, each.id) for each in BATCH.transfers)


def transaction(value: int = 0, fees: int = 3) -> WalletTransaction:
    inbound = Message(MessageKind.INTERNAL, STRANGER, WALLET, b"", NanoTon(value))
    return WalletTransaction(TransactionId(9, b"\x09" * 32), BEFORE_THE_FIRST, 1000, True, NanoTon(fees), inbound, ())  # noqa: FBT003 - as the port has it


def moves(found: object) -> list[tuple[str, str, str, int]]:
    return [(e.reason, e.source.name, e.target.name, e.amount) for e in found.entries]  # type: ignore[attr-defined]  # of a Finding


def test_a_batch_that_was_taken_waits_for_its_list() -> None:
    found = find(PLACE, transaction(), Accepted(1, 2, list_sent=True), BATCH)
    assert (found.meaning, found.batch, found.outcome) == ("accepted", 5, "taken")
    assert moves(found) == [("network cost", "network costs", "hot wallet", 3)]


def test_a_list_that_was_not_sent_pays_nobody_ever() -> None:
    found = find(PLACE, transaction(fees=0), Accepted(1, 2, list_sent=False), BATCH)
    assert (found.meaning, found.outcome) == ("refused", "expired")
    assert moves(found) == [
        ("expired", f"in flight:{owner.provider}/{owner.payee}", owner.name, 100 + n) for n, owner in enumerate(OWNERS)
    ]


def test_a_list_with_exactly_our_transfers_confirms_them() -> None:
    found = find(PLACE, transaction(fees=0), Paid(1, SENT[::-1]), BATCH)
    assert (found.meaning, found.outcome) == ("paid", "confirmed")
    assert [move[2] for move in moves(found)] == ["hot wallet"] * 2


def test_a_list_with_none_of_them_gives_them_up() -> None:
    back = Transfer(WALLET, NanoTon(20_000_000))
    assert find(PLACE, transaction(), Paid(1, ()), BATCH).outcome == "expired"
    assert find(PLACE, transaction(), Paid(1, (back,)), BATCH).outcome == "expired"


def test_any_other_list_is_not_explained_and_settles_nothing() -> None:
    more = structs.replace(SENT[0], amount=NanoTon(101))
    elsewhere = structs.replace(SENT[0], to=STRANGER)
    for wrong in ((SENT[0],), (*SENT, SENT[0]), (more, SENT[1]), (elsewhere, SENT[1])):
        found = find(PLACE, transaction(), Paid(1, wrong), BATCH)
        assert (found.meaning, found.batch) == ("unexplained", None)


def test_what_the_books_did_not_make_is_foreign() -> None:
    assert find(PLACE, transaction(), Accepted(77, 2, list_sent=True), None).query == 77
    assert find(PLACE, transaction(), Paid(1, SENT), None).foreign == SENT


def test_a_bounce_of_a_confirmed_transfer_is_returned() -> None:
    confirmed = structs.replace(BATCH.transfers[0], state="confirmed")
    found = find(PLACE, transaction(90, fees=0), Returned(STRANGER, NanoTon(90), "id-0"), confirmed)
    assert (found.meaning, found.bounced) == ("bounce", "id-0")
    assert moves(found) == [("bounce", "hot wallet", "returned", 90)]


def test_a_bounce_of_anything_else_is_a_strangers() -> None:
    again = structs.replace(BATCH.transfers[0], state="bounced")
    for known in (None, again):
        found = find(PLACE, transaction(90, fees=0), Returned(STRANGER, NanoTon(90), "id-0"), known)
        assert moves(found) == [("stranger", "hot wallet", "unattributed", 90)]


def test_coins_are_deposits_of_a_funder_and_unattributed_of_others() -> None:
    assert moves(find(PLACE, transaction(9, 0), Received(FUNDER, NanoTon(9), ""), None))[0][2] == "deposits"
    assert moves(find(PLACE, transaction(9, 0), Received(STRANGER, NanoTon(9), ""), None))[0][2] == "unattributed"
    assert moves(find(PLACE, transaction(9, 0), Received(None, NanoTon(9), ""), None))[0][2] == "unattributed"
    assert find(PLACE, transaction(0, 0), Received(STRANGER, NanoTon(0), ""), None).entries == ()


def test_a_list_that_came_back_moves_fees_alone() -> None:
    assert [move[0] for move in moves(find(PLACE, transaction(9), ListReturned(NanoTon(9)), None))] == ["network cost"]


def test_the_same_transaction_always_makes_the_same_entries() -> None:
    event = Received(STRANGER, NanoTon(9), "")
    assert find(PLACE, transaction(9), event, None) == find(PLACE, transaction(9), event, None)
