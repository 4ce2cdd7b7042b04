"""From a receipt to an entry in the books, on both databases."""

from __future__ import annotations

from tests.payout import kit
from tests.payout.kit import CLUSTER, TON, World

COST = 2_000_000
FEE = 100_000


async def test_a_receipt_moves_money_from_the_client_to_the_owner_and_the_fees(world: World) -> None:
    await world.administrator.credit(TON)
    machine = await world.server()
    receipt = machine.receipt()
    answer = await world.operator.hand_in(receipt)
    assert answer.status == 201, answer.raw
    assert answer.body["state"] == "Accepted"
    assert (answer.body["cost"], answer.body["fee"]) == (str(COST), str(FEE))
    payee = f"payee:provider-uid/0:{1:064x}"
    assert await world.balances() == {
        "deposits": -TON,
        f"client:{CLUSTER}/tenant": TON - COST,
        payee: COST - FEE,
        "fees": FEE,
    }


async def test_the_same_receipt_again_answers_the_same_and_moves_nothing(world: World) -> None:
    await world.administrator.credit()
    machine = await world.server()
    receipt = machine.receipt()
    first = await world.operator.hand_in(receipt)
    before = await world.balances()
    again = await world.operator.hand_in(receipt)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert await world.balances() == before


async def test_a_second_receipt_of_a_job_is_kept_and_told_which_one_was_taken(world: World) -> None:
    await world.administrator.credit()
    one, two = await world.server(kit.wallet(1)), await world.server(kit.wallet(2))
    first = one.receipt()
    second = two.receipt(sub=f"{CLUSTER}/{kit.job_of(first)}", attempt=2)
    taken = await world.operator.hand_in(first)
    before = await world.balances()
    superseded = await world.operator.hand_in(second)
    assert superseded.status == 409
    assert superseded.body["state"] == "Superseded"
    assert superseded.body["accepted"] == taken.body["jti"]
    assert (await world.operator.hand_in(second)).body == superseded.body
    assert await world.balances() == before
    kept = await world.operator.call("GET", f"/v1/receipts/{superseded.body['jti']}")
    assert kept.body["receipt"] == second


async def test_an_interrupted_receipt_before_the_final_one_is_kept_and_not_paid(world: World) -> None:
    await world.administrator.credit()
    machine = await world.server()
    interrupted = machine.receipt(outcome="Interrupted")
    job = kit.job_of(interrupted)
    answer = await world.operator.hand_in(interrupted)
    assert (answer.status, answer.body["state"], answer.body["cost"]) == (201, "Interrupted", "0")
    final = await world.operator.hand_in(machine.receipt(sub=f"{CLUSTER}/{job}", attempt=2))
    assert (final.status, final.body["state"]) == (201, "Accepted")


async def test_failed_and_cancelled_work_is_paid_for_what_was_done(world: World) -> None:
    await world.administrator.credit()
    machine = await world.server()
    for outcome in ("Failed", "Cancelled"):
        answer = await world.operator.hand_in(machine.receipt(outcome=outcome))
        assert (answer.status, answer.body["cost"]) == (201, str(COST))


async def test_bulk_takes_each_receipt_for_itself(world: World) -> None:
    await world.administrator.credit(2 * COST)
    machine = await world.server()
    good = [machine.receipt(), machine.receipt()]
    unpaid = machine.receipt()
    answers = await world.operator.bulk([good[0], "a.b.c", good[1], good[0], unpaid])
    assert [each["status"] for each in answers] == [201, 422, 201, 200, 402]
    assert answers[1]["problem"]["code"] == "InvalidReceipt"
    assert answers[4]["problem"]["field"] == "receipt.namespace"
    assert answers[4]["problem"]["retry"] is True


async def test_a_credit_happens_once(world: World) -> None:
    first = await world.administrator.credit(5, name="invoice-1")
    again = await world.administrator.credit(5, name="invoice-1")
    other = await world.administrator.credit(6, name="invoice-1")
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert other.refusal == (409, "IdReused", "id")
    clients = await world.operator.call("GET", f"/v1/clients/{CLUSTER}")
    assert clients.body["clients"] == [{"cluster": CLUSTER, "namespace": "tenant", "available": "5"}]


async def test_what_readers_see(world: World) -> None:
    await world.administrator.credit()
    machine = await world.server()
    for _ in range(3):
        await world.operator.hand_in(machine.receipt())
    reader = world.desk(kit.READER)
    accounts = (await reader.call("GET", "/v1/accounts")).body["accounts"]
    assert [(each["provider"], each["accrued"], each["inFlight"], each["paid"]) for each in accounts] == [
        ("provider-uid", str(3 * (COST - FEE)), "0", "0")
    ]
    assert (await reader.call("GET", "/v1/accounts/provider-uid")).body["accounts"] == accounts
    assert (await reader.call("GET", "/v1/accounts/nobody")).body["accounts"] == []
    page = (await reader.call("GET", "/v1/work?limit=2")).body
    rest = (await reader.call("GET", f"/v1/work?limit=2&after={page['next']}")).body
    assert len(page["work"] + rest["work"]) == 3
    assert "next" not in rest
    assert (await reader.call("GET", "/v1/transfers")).body == {"transfers": []}
    evidence = await reader.call("GET", f"/v1/evidence/{machine.digest}")
    assert evidence.status == 200
    lines = (await reader.call("GET", "/v1/statement.csv")).raw.decode().splitlines()
    owner = ["2027-01-15", CLUSTER, "provider-uid", f"0:{1:064x}"]
    assert lines[1].split(",") == [*owner, "3", str(3 * COST), str(3 * FEE), str(3 * (COST - FEE)), "0", "0"]


async def test_pauses_survive_and_are_lifted(world: World) -> None:
    paused = await world.administrator.call("POST", "/v1/pause", {"reason": "audit"})
    assert [each["reason"] for each in paused.body["pauses"]] == ["audit"]
    assert (await world.administrator.call("POST", "/v1/pause", {"reason": "audit"})).body == paused.body
    again = await world.administrator.call("POST", "/v1/pause", {"reason": "again"})
    assert again.body["pauses"] == paused.body["pauses"]
    assert "paused it before, and that pause stands with its reason." in again.body["note"]
    assert (await world.administrator.call("POST", "/v1/resume", {})).body == {"pauses": []}


async def test_a_pause_needs_no_words(world: World) -> None:
    paused = await world.administrator.call("POST", "/v1/pause")
    assert [(each["subject"], each["reason"]) for each in paused.body["pauses"]] == [("", "")]
    assert (await world.administrator.call("POST", "/v1/resume")).body == {"pauses": []}


async def test_probes_and_figures(world: World) -> None:
    await world.administrator.credit()
    machine = await world.server()
    machine.sequence += 2
    await world.operator.hand_in(machine.receipt())
    nobody = kit.Desk(world.session, "")
    assert (await nobody.call("GET", "/healthz")).raw == b"ok\n"
    assert (await nobody.call("GET", "/readyz")).raw == b"ok\n"
    figures = (await nobody.call("GET", "/metrics")).raw.decode()
    assert 'cocoon_payout_receipts_total{outcome="Accepted"} 1.0' in figures
    assert "cocoon_payout_receipts_missing 2.0" in figures
    assert f'cocoon_payout_accounts_nanoton{{kind="fees"}} {float(FEE)}' in figures
    assert "cocoon_payout_wrong_balances 0.0" in figures
    assert 'cocoon_payout_request_seconds_count{method="GET",route="/healthz",status="200"} 1.0' in figures
    assert 'method="PUT",route="/v1/work/{cluster}/{job' in figures
    assert 'cocoon_payout_accepted_nanoton_total{model="minilm",part="Owner"} 1.9e+06' in figures
    assert f'cocoon_payout_accepted_nanoton_total{{model="minilm",part="Fee"}} {float(FEE)}' in figures
    assert 'cocoon_payout_transferred_nanoton{state="sent"} 0.0' in figures
    assert "cocoon_payout_oldest_open_transfer_timestamp_seconds 0.0" in figures
