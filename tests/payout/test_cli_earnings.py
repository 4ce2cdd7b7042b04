"""`kubectl cocoon earnings` and `payouts` against a running payout service."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, FAILED, FORBIDDEN, MISSING, UNREACHABLE, Unreachable
from cocoon.cli.payout_service import Address, PayoutService
from tests.payout import kit
from tests.payout.kit import TON, World
from tests.payout.paid import confirm

COST, FEE = 2_000_000, 100_000
DAY = "2027-01-15"
NO_KUBECONFIG = "There is no kubeconfig at /no/kubeconfig: give --kubeconfig FILE or set KUBECONFIG."
TOLD_NO_NAMES = f"Providers are shown by their uids: {NO_KUBECONFIG}\n"
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(lite: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as somebody; its status and what it printed."""

    async def run(*words: str, subject: str = kit.READER, url: str = "", token: str = "") -> tuple[int, str, str]:
        file = tmp_path / "token"
        file.write_text((token or lite.desk(subject).token) + "\n")
        where = ["--payout-url", url or lite.url, "--payout-token-file", str(file), "--kubeconfig", "/no/kubeconfig"]
        status = await asyncio.to_thread(main, [*words, *where])
        return status, *capsys.readouterr()

    return run


async def earn(world: World, provider: str = "provider-uid") -> str:
    """Three jobs' receipts; the payee."""
    await world.administrator.credit()
    machine = await world.server()
    for _ in range(3):
        answer = await world.operator.hand_in(machine.receipt(provider=provider))
        assert answer.status == 201, answer.raw
    return f"0:{1:064x}"


async def test_a_table_in_ton(lite: World, run: Run) -> None:
    payee = await earn(lite)
    await confirm(lite.service, 1, [("provider-uid", payee, 1_500_000)], network_cost=4_000)
    status, out, _ = await run("earnings")
    headers, row = (line.split() for line in out.splitlines())
    assert status == DONE
    assert headers == ["PROVIDER", "JOBS", "GROSS", "FEES", "NET", "PAID", "IN", "FLIGHT", "ACCRUED"]
    assert row == ["provider-uid", "3", "0.006", "0.0003", "0.0057", "0.0015", "0", "0.0057"]


async def test_days_as_json_are_net_of_fees_and_say_what_the_chain_took(lite: World, run: Run) -> None:
    payee = await earn(lite)
    await confirm(lite.service, 1, [("provider-uid", payee, 1_500_000)], network_cost=4_000)
    status, out, _ = await run("earnings", "--by", "day", "-o", "json")
    assert status == DONE
    assert json.loads(out) == {
        "earnings": [
            {
                "provider": "provider-uid",
                "providerUid": "provider-uid",
                "cluster": kit.CLUSTER,
                "date": DAY,
                "jobs": 3,
                "gross": str(3 * COST),
                "fees": str(3 * FEE),
                "net": str(3 * (COST - FEE)),
                "paid": "1500000",
                "networkCost": "4000",
            }
        ]
    }


async def test_csv_has_whole_nanoton(lite: World, run: Run) -> None:
    await earn(lite)
    status, out, _ = await run("earnings", "-o", "csv", "--by", "payee")
    [row] = csv.DictReader(io.StringIO(out))
    assert status == DONE
    assert (row["net"], row["accrued"], row["inFlight"]) == ("5700000", "5700000", "0")
    assert row["payee"] == f"0:{1:064x}"


async def test_only_the_days_that_were_asked_about(lite: World, run: Run) -> None:
    await earn(lite)
    assert (await run("earnings", "--since", "2027-01-16"))[1:] == ("", TOLD_NO_NAMES + "Nothing was earned yet.\n")
    assert len((await run("earnings", "--since", DAY, "--until", "2027-01-16"))[1].splitlines()) == 2


async def test_two_providers_have_a_total(lite: World, run: Run) -> None:
    await earn(lite, "a")
    machine = await lite.server(kit.wallet(2))
    await lite.operator.hand_in(machine.receipt(provider="b"))
    last = (await run("earnings"))[1].splitlines()[-1]
    assert last.split()[:3] == ["TOTAL", "4", "0.008"]


async def test_payments_with_their_transactions(lite: World, run: Run) -> None:
    payee = f"0:{1:064x}"
    await confirm(lite.service, 1, [("a", payee, 12 * TON + 1)], network_cost=4_000)
    await confirm(lite.service, 2, [("b", payee, TON)], network_cost=0, state="sent")
    status, out, _ = await run("payouts")
    assert status == DONE
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["TIME", "PROVIDER", "STATE", "AMOUNT", "TRANSACTION"]
    assert rows[1][1:] == ["a", "confirmed", "12.000000001", "ab" * 32]
    assert rows[2][1:] == ["b", "sent", "1", "-"]
    one = json.loads((await run("payouts", "-o", "json", "--state", "confirmed"))[1])["payouts"]
    assert [(each["amount"], each["settled"]) for each in one] == [(str(12 * TON + 1), "2027-01-15T08:00:00Z")]


async def test_no_payment_in_a_state(lite: World, run: Run) -> None:
    assert (await run("payouts", "--state", "sent"))[2].endswith("No payment is in the state sent.\n")
    assert (await run("payouts"))[2].endswith("Nothing was paid yet.\n")


async def test_more_payments_than_one_page(lite: World, run: Run) -> None:
    payee = f"0:{1:064x}"
    for number in range(3):
        await confirm(lite.service, number + 1, [("a", payee, 1)] * 200, network_cost=0)
    assert len(json.loads((await run("payouts", "-o", "json"))[1])["payouts"]) == 600


async def test_a_token_without_the_right_to_read(lite: World, run: Run) -> None:
    status, out, err = await run("earnings", subject="system:serviceaccount:tenant:default")
    assert (status, out) == (FORBIDDEN, "")
    assert "The payout service refuses it" in err


async def test_an_expired_token(lite: World, run: Run) -> None:
    lite.clock.time -= 100_000
    token = lite.desk(kit.READER).token
    lite.clock.time += 100_000
    status, _, err = await run("earnings", token=token)
    assert status == FORBIDDEN
    assert "does not accept the token" in err


async def test_nobody_is_there(run: Run) -> None:
    status, _, err = await run("payouts", url="http://127.0.0.1:9")
    assert status == UNREACHABLE
    assert "The payout service at http://127.0.0.1:9 can't be reached" in err
    assert "Traceback" not in err


async def test_a_forwarded_port_that_leads_nowhere() -> None:
    """As kubectl does whose Pod is gone: it takes the connection and closes it."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = Address(f"https://127.0.0.1:{port}", "cocoon-fleet-payout.pay.svc", "See whether its Pod is ready.")
    async with server, aiohttp.ClientSession() as session:
        with pytest.raises(Unreachable) as told:
            await PayoutService(session, address, "token").accounts()
    where = "The payout service at cocoon-fleet-payout.pay.svc can't be reached: "
    assert str(told.value).startswith(where)
    assert str(told.value).endswith(". See whether its Pod is ready.")
    assert "None" not in str(told.value)
    assert str(port) not in str(told.value)


async def test_without_a_cluster_and_an_address_it_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    status = await asyncio.to_thread(main, ["earnings", "--kubeconfig", "/no/kubeconfig"])
    assert status == UNREACHABLE
    assert capsys.readouterr().err.count(NO_KUBECONFIG) == 1


async def test_no_token_goes_over_the_wire_in_the_clear(run: Run) -> None:
    status, _, err = await run("payouts", url="http://payout.example")
    assert status == FAILED
    assert "not https://" in err


async def test_something_else_is_there(lite: World, run: Run) -> None:
    status, _, err = await run("payouts", url=f"{lite.url}/elsewhere")
    assert status == MISSING
    assert "The payout service answers 404" in err


async def test_a_provider_that_is_not_there(run: Run) -> None:
    status, _, err = await run("earnings", "dc9")
    assert status == MISSING
    assert "There is no CocoonProvider" in err
