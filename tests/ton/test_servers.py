"""Several lite-servers, of which some lie, lag, vanish, or come back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cocoon.ton.chain import Lagging, Lying, NotAccepted, ServerState, Unreachable
from cocoon.ton.global_config import BadConfig, GlobalConfig
from cocoon.ton.localton.mempool import Faithful
from cocoon.ton.localton.native_cells import NativeCell
from cocoon.ton.localton.queries import Queries
from cocoon.ton.localton.service import global_config, lite_server
from cocoon.ton.localton.tl import TlReader
from cocoon.ton.pytonlib_chain import Limits, PytonlibChain
from tests.ton.kit import WALLET, Payer, config_of, served, transfers
from tests.ton.test_lies import FrozenHead, RichAccount, Swallowing

pytestmark = pytest.mark.ton
LIMITS = Limits(call_seconds=2.5)


class Silent(Queries):
    """Takes queries and never answers."""

    async def answer(self, query: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""


class Deaf(Queries):
    """Refuses every message."""

    def on_send_message(self, query: TlReader) -> bytes:
        return super().on_send_message(TlReader(b"\0" * 8))


class Noticed(Faithful):
    """A mempool whose first message can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    def add(self, message: NativeCell) -> None:
        super().add(message)
        self.came.set()


class Time:
    """A monotonic clock in the test's hands."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def payer() -> Payer:
    payer = Payer()
    for number in range(3):
        payer.pay(number, transfers(1))
    return payer


def _without_server(config: GlobalConfig) -> dict[str, Any]:
    """The configuration with a server first that nobody runs."""
    gone = {**config.content["liteservers"][0], "port": 1}
    return {**config.content, "liteservers": [gone, *config.content["liteservers"]]}


async def test_the_next_server_is_asked_when_one_is_away(payer: Payer) -> None:
    async with (
        served(Queries(payer.chain)) as config,
        PytonlibChain(config_of(_without_server(config)), LIMITS) as chain,
    ):
        assert (await chain.head()).seqno == 4
        assert [server.state for server in chain.servers()] == [ServerState.UNREACHABLE, ServerState.HEALTHY]
        assert chain.servers()[0].name.endswith(":1")


async def test_the_next_server_is_asked_when_one_is_silent(payer: Payer) -> None:
    async with served(Silent(payer.chain), Queries(payer.chain)) as config, PytonlibChain(config, LIMITS) as chain:
        assert (await chain.account(WALLET.address)).deployed
        assert chain.servers()[0].state is ServerState.UNREACHABLE


async def test_the_next_server_is_asked_when_one_lies(payer: Payer) -> None:
    async with served(RichAccount(payer.chain), Queries(payer.chain)) as config, PytonlibChain(config, LIMITS) as chain:
        assert (await chain.account(WALLET.address)).balance == payer.chain.balance(WALLET.address.hash)
        lying, honest = chain.servers()
        assert (lying.state, honest.state) == (ServerState.LYING, ServerState.HEALTHY)
        assert lying.reason


async def test_one_that_lags_behind_the_others_is_left(payer: Payer) -> None:
    time = Time()
    async with (
        served(Queries(payer.chain), FrozenHead(payer.chain)) as config,
        PytonlibChain(config, LIMITS, time) as chain,
        served(FrozenHead(payer.chain)) as frozen,
    ):
        payer.next_block(seconds=100)
        assert (await chain.head()).seqno == 5
        chain.reconfigure(frozen)
        with pytest.raises(Lagging, match="101 s older"):
            await chain.head()
        assert chain.servers()[0].state is ServerState.LAGGING


async def test_one_that_failed_is_left_alone_for_a_growing_while(payer: Payer) -> None:
    time, asked = Time(), list[float]()

    class Counting(RichAccount):
        def on_get_account_state(self, query: TlReader) -> bytes:
            asked.append(time.now)
            return super().on_get_account_state(query)

    async with (
        served(Counting(payer.chain), RichAccount(payer.chain)) as config,
        PytonlibChain(config, LIMITS, time) as chain,
    ):
        for time.now in (0.0, 0.5, 1.5, 2.5, 3.5, 4.5):
            with pytest.raises(Lying):
                await chain.head()
            other = chain._servers[1].watch  # it fails as often, but is never paused
            other.pause_until = 0.0
    assert asked == [0.0, 1.5, 3.5]


async def test_without_any_server_it_says_so(payer: Payer) -> None:
    async with served(Queries(payer.chain)) as config:
        content = config.content
    async with PytonlibChain(config_of(content), LIMITS) as chain:
        with pytest.raises(Unreachable):
            await chain.head()
        with pytest.raises(Unreachable):
            await chain.send(payer.message(9, transfers(1)))


async def test_the_gravest_error_is_told(payer: Payer) -> None:
    async with (
        served(RichAccount(payer.chain)) as config,
        PytonlibChain(config_of(_without_server(config)), LIMITS) as chain,
    ):
        with pytest.raises(Lying):
            await chain.account(WALLET.address)


@pytest.mark.parametrize("others", [[Deaf], [Swallowing, Deaf], [Deaf, Silent]])
async def test_a_message_goes_to_every_server(payer: Payer, others: list[type[Queries]]) -> None:
    payer.chain.mempool = mempool = Noticed()
    servers = [other(payer.chain) for other in others]
    async with served(*servers, Queries(payer.chain)) as config, PytonlibChain(config, LIMITS) as chain:
        await chain.send(payer.message(9, transfers(1)))
        async with asyncio.timeout(5):
            await mempool.came.wait()


async def test_a_silent_server_delays_no_message(payer: Payer) -> None:
    async with served(Silent(payer.chain), Queries(payer.chain)) as config:
        async with PytonlibChain(config, Limits(call_seconds=30)) as chain, asyncio.timeout(5):
            await chain.send(payer.message(9, transfers(1)))
        assert payer.chain.mempool.waiting()


async def test_a_message_that_all_refuse_is_not_accepted(payer: Payer) -> None:
    queries = Queries(payer.chain)
    async with served(queries) as config, PytonlibChain(config_of(_without_server(config)), LIMITS) as chain:
        with pytest.raises(NotAccepted):
            await chain.send(payer.message(0, transfers(1)))


async def test_a_new_configuration_takes_over(payer: Payer) -> None:
    async with served(Queries(payer.chain)) as first, PytonlibChain(first, LIMITS) as chain:
        await chain.head()
        async with served(Queries(payer.chain)) as second:
            chain.reconfigure(second)
            assert (await chain.head()).seqno == 4
            assert [server.name for server in chain.servers()] == list(second.names)


async def test_a_configuration_of_another_chain_is_refused(payer: Payer) -> None:
    async with (
        served(Queries(payer.chain)) as ours,
        served(Queries(Payer(balance=1).chain)) as theirs,
        PytonlibChain(ours, LIMITS) as chain,
    ):
        with pytest.raises(BadConfig, match="another chain"):
            chain.reconfigure(theirs)
        assert (await chain.head()).seqno == 4


async def test_a_server_that_comes_back_is_used_again(payer: Payer) -> None:
    queries = Queries(payer.chain)
    async with lite_server(queries) as endpoint:
        config = config_of(global_config(payer.chain, [endpoint]))
        async with PytonlibChain(config, LIMITS) as chain:
            await chain.head()
    async with PytonlibChain(config, LIMITS) as chain:
        with pytest.raises(Unreachable):
            await chain.head()
        async with lite_server(queries, port=endpoint.port):
            assert (await chain.head()).seqno == 4
            assert chain.servers()[0].state is ServerState.HEALTHY
