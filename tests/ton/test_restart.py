"""The lite-server, a process of its own, is killed and comes back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cocoon.api.money import NanoTon
from cocoon.ton.chain import (
    BEFORE_THE_FIRST,
    Chain,
    ChainError,
    HistoryGap,
    Lagging,
    Lying,
    ServerState,
    Unreachable,
    oldest_first,
)
from cocoon.ton.localton.faucet import give
from cocoon.ton.pytonlib_chain import Limits, PytonlibChain
from tests.ton.kit import TON, payee
from tests.ton.process import Localton, localton

pytestmark = pytest.mark.ton
LIMITS = Limits(call_seconds=2.5)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Localton]:
    async with localton(tmp_path) as process:
        yield process


async def _balance(chain: Chain) -> int:
    """As soon as the server answers again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return (await chain.account(payee(1))).balance
            except (Unreachable, Lagging):
                await asyncio.sleep(0.1)


async def test_with_its_state_it_goes_on_after_a_kill(server: Localton, tmp_path: Path) -> None:
    state = f"--state={tmp_path / 'chain.sqlite'}"
    async with PytonlibChain(await server.start(state), LIMITS) as chain:
        await give(chain, payee(1), NanoTon(TON))
        before = await chain.account(payee(1))
        await server.kill()
        with pytest.raises(Unreachable):
            await chain.account(payee(1))
        assert chain.servers()[0].state is ServerState.UNREACHABLE

        await server.start(state)

        assert TON - 10 < await _balance(chain) <= TON
        await give(chain, payee(1), NanoTon(TON))
        newest = (await chain.account(payee(1))).last
        assert len(await oldest_first(chain, payee(1), newest, before.last)) == 1
        assert chain.servers()[0].state is ServerState.HEALTHY


async def test_without_its_state_it_is_another_chain(server: Localton) -> None:
    async with PytonlibChain(await server.start("--genesis-time=1790000000"), LIMITS) as chain:
        await chain.head()
        await server.kill()
        await server.start("--genesis-time=1790000001")
        with pytest.raises(Lying):
            await _balance(chain)


async def test_the_same_beginning_with_another_history_is_a_gap(server: Localton) -> None:
    """tonlib believes it once the new chain is long enough: who pays has to compare the history with what it knew."""
    options = ("--genesis-time=1790000000",)
    async with PytonlibChain(await server.start(*options), LIMITS) as chain:
        await give(chain, payee(1), NanoTon(TON))
        known = (await chain.account(payee(1))).last
        await server.kill()
        await server.start(*options)
        async with asyncio.timeout(20):
            while True:
                try:
                    await give(chain, payee(1), NanoTon(TON))
                    break
                except ChainError:
                    await asyncio.sleep(0.1)
        newest = (await chain.account(payee(1))).last

        with pytest.raises(HistoryGap):
            await oldest_first(chain, payee(1), newest, known)
        assert len(await oldest_first(chain, payee(1), newest, BEFORE_THE_FIRST)) == 1


async def test_a_state_is_one_chain_in_one_process(server: Localton, tmp_path: Path) -> None:
    state = f"--state={tmp_path / 'chain.sqlite'}"
    first = await server.start(state)
    assert await server.stop() == 0
    assert await server.start(state) == first
    async with localton(tmp_path) as second:
        with pytest.raises(AssertionError, match="did not start"):
            await second.start(state)


async def test_the_faucet_is_a_command(server: Localton) -> None:
    await server.start()
    command = [sys.executable, "-m", "cocoon.ton.localton", "faucet", payee(9).friendly(), "2.5"]
    process = await asyncio.create_subprocess_exec(
        *command, "--config", str(server.config_file), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert said.decode() == f"{payee(9).friendly()} now has 2.5 TON\n"
