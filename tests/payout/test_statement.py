"""The statement shares the chain's cost among those who were paid, to the last nanoTON."""

from __future__ import annotations

import csv
import io

from tests.payout import kit
from tests.payout.kit import World
from tests.payout.paid import confirm

ONE, TWO, THREE = (f"0:{number:064x}" for number in (1, 2, 3))


async def lines(world: World, query: str = "") -> dict[str, dict[str, str]]:
    raw = (await world.desk(kit.READER).call("GET", f"/v1/statement.csv{query}")).raw
    return {row["payee"]: row for row in csv.DictReader(io.StringIO(raw.decode()))}


async def test_shares_of_a_message_add_up_to_its_cost(world: World) -> None:
    await confirm(world.service, 1, [("a", ONE, 10), ("b", TWO, 20), ("c", THREE, 30)], network_cost=100)
    found = await lines(world)
    assert {payee: (row["paid"], row["network_cost"]) for payee, row in found.items()} == {
        ONE: ("10", "33"),
        TWO: ("20", "33"),
        THREE: ("30", "34"),
    }


async def test_a_share_is_the_same_for_whoever_asks_about_one_provider(world: World) -> None:
    await confirm(world.service, 1, [("a", ONE, 10), ("b", TWO, 20), ("c", THREE, 30)], network_cost=100)
    assert (await lines(world, "?provider=c"))[THREE]["network_cost"] == "34"


async def test_what_is_not_confirmed_costs_nobody_anything(world: World) -> None:
    await confirm(world.service, 1, [("a", ONE, 10)], network_cost=100, state="sent")
    assert await lines(world) == {}
