"""The published description against the service: whatever is sent, by whomever, no answer is a failure of the server.

The fuzzer runs in a process of its own against a real port, once for each right, within a budget of seconds. It is told
the caller's own cluster and the servers' keys, without which nearly all calls would end at the first check.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cocoon.payout.sending.rounds import Payments
from cocoon.payout.sending.sender import SendingParts
from tests.chaos.payout.chain_world import KEY, ChainWorld
from tests.chaos.payout.payer import RULES
from tests.payout import kit
from tests.payout.kit import World

#: Seconds for each right; the fuzzer ends earlier if it has nothing new to try.
BUDGET = 18
_FUZZER = Path(sys.executable).parent / "schemathesis"
_HOW = (
    "--checks=not_a_server_error", "--phases=examples,coverage,fuzzing", "--max-examples=20", "--seed=1",
    "--generation-database=none", "--no-color", "--warnings=off", f"--max-time={BUDGET}",
)  # fmt: skip


@pytest.fixture
async def paying(lite: World) -> World:
    """A service that can be told to pay, and has a drift to take over."""
    chain = ChainWorld()
    chain.fund()
    store = lite.service.store
    payments = Payments(SendingParts(store, chain.port(), chain.lanes, KEY, RULES))
    await payments.open()
    await payments.round()
    lite.service.by_hand._payments = payments
    await lite.administrator.credit()
    return lite


async def narrowed(world: World) -> dict[str, Any]:
    """The description with the path parameters that lead somewhere."""
    known = {"cluster": kit.CLUSTER, "key": (await world.server()).key, "namespace": "tenant"}
    described: dict[str, Any] = (await world.operator.call("GET", "/openapi.json")).body
    for path in described["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["schema"] = {"enum": [known[parameter["name"]]], "type": "string"}
    return described


@pytest.mark.ton
@pytest.mark.parametrize("subject", [kit.OPERATOR, kit.READER, kit.ADMINISTRATOR])
async def test_no_answer_is_a_failure_of_the_server(paying: World, tmp_path: Path, subject: str) -> None:
    header = f"Authorization: Bearer {paying.desk(subject).token}"
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(await narrowed(paying)))
    command = [str(_FUZZER), "run", str(description), "-u", paying.url, *_HOW, "-H", header]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "", "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)}
    fuzzer = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await fuzzer.communicate())[0].decode()
    assert fuzzer.returncode == 0, said
    assert "Tested: 21" in said, said
