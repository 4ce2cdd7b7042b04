"""Replicas count the releases of a file as one, whichever of them a runner asks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from cocoon.api.sealing import CountAnswer, CountRequest
from cocoon.attest.channel import Channel, Denied, verifying
from cocoon.keyring import process
from cocoon.keyring import settings as keyring_settings
from cocoon.keyring.counting import Counting, Places, in_order
from cocoon.keyring.process import Keyring
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.releases import TOLD, Count, Releases
from tests.keyring import kit


def addresses(number: int) -> list[str]:
    """Where as many replicas can listen."""
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    found = [f"127.0.0.1:{each.getsockname()[1]}" for each in with_ports]
    for each in with_ports:
        each.close()
    return found


def replica(folder: Path, own: str, all_of_them: list[str]) -> keyring_settings.Settings:
    settings = kit.settings(folder, COCOON_API_ADDRESS=own)
    peers = tuple(f"https://{each}" for each in all_of_them if each != own)
    return structs.replace(settings, own=f"https://{own}", peers=peers, founder=own == all_of_them[0])


class Replicas:
    """Three of them, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.places = addresses(3)
        self._folder = folder
        self._stacks = [AsyncExitStack() for _ in self.places]
        self.up: list[Keyring] = []

    async def start(self, number: int) -> Keyring:
        chosen = replica(self._folder, self.places[number], self.places)
        found = await self._stacks[number].enter_async_context(kit.keyring(chosen))
        self.up.insert(number, found)
        return found

    async def stop(self, number: int) -> None:
        await self._stacks[number].aclose()
        self._stacks[number] = AsyncExitStack()
        del self.up[number]

    async def close(self) -> None:
        for stack in self._stacks:
            await stack.aclose()


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncIterator[Replicas]:
    found = Replicas(tmp_path)
    for number in range(3):
        await found.start(number)
    yield found
    await found.close()


async def outcome(keyring: Keyring, header: bytes) -> str:
    """The code with which a runner that starts now is refused."""
    runner = kit.Runner(keyring)
    return await runner.refused(await runner.request(header))


async def test_one_release_is_one_release_whichever_replica_is_asked(replicas: Replicas) -> None:
    first, second, third = replicas.up
    client = kit.Client(first)
    for begin in (first, second, third):
        header = client.header(releases=1)
        assert await outcome(begin, header) == ""
        assert [await outcome(each, header) for each in replicas.up] == ["ReleasesExhausted"] * 3


async def test_of_all_who_ask_at_once_exactly_as_many_get_it(replicas: Replicas) -> None:
    header = kit.Client(replicas.up[0]).header(releases=4)
    outcomes = await asyncio.gather(*(outcome(replicas.up[number % 3], header) for number in range(12)))
    assert sorted(outcomes) == [""] * 4 + ["ReleasesExhausted"] * 8


async def test_the_same_runner_gets_it_again_from_another_replica(replicas: Replicas) -> None:
    header = kit.Client(replicas.up[0]).header(releases=1)
    runner = kit.Runner(replicas.up[0])
    assert runner.opens(await runner.ask(header))
    runner.address, runner.tls = kit.address(replicas.up[1]), replicas.up[1].replica.tls.spki
    assert runner.opens(await runner.ask(header))


async def test_what_was_released_is_known_after_every_replica_was_replaced(replicas: Replicas) -> None:
    header = kit.Client(replicas.up[0]).header(releases=1)
    assert await outcome(replicas.up[1], header) == ""
    for number in range(3):
        await replicas.stop(number)
        await replicas.start(number)
        assert [await outcome(each, header) for each in replicas.up] == ["ReleasesExhausted"] * 3


async def test_while_one_is_away_the_next_one_decides_and_knows_what_was_released(replicas: Replicas) -> None:
    headers = [kit.Client(replicas.up[0]).header(releases=1) for _ in range(8)]
    assert {await outcome(replicas.up[0], header) for header in headers} == {""}
    await replicas.stop(0)
    assert {await outcome(each, header) for header in headers for each in replicas.up} == {"ReleasesExhausted"}
    assert await outcome(replicas.up[0], kit.Client(replicas.up[0]).header(releases=1)) == ""


async def test_replicas_that_can_not_reach_each_other_release_once_each(keyring: Keyring, tmp_path: Path) -> None:
    chosen = kit.settings(tmp_path, COCOON_KEYRING_PEERS=kit.address(keyring))
    async with kit.keyring(chosen) as other:
        own = Places("https://own", (kit.NOWHERE,))
        counts = [Counting(each.replica, own) for each in (keyring, other)]
        for count in counts:
            assert await count.count(b"f" * 32, b"r1", 1, 2_000_000_000) == 1
            with pytest.raises(Refusal, match="ReleasesExhausted"):
                await count.count(b"f" * 32, b"r2", 1, 2_000_000_000)


class Forging(Counting):
    """Says that everything may be released, and does not hold the identity."""

    def answer(self, request: CountRequest) -> CountAnswer:
        return CountAnswer(1, bytes(32))


async def test_who_does_not_hold_the_identity_is_not_believed_a_count(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "Counting", Forging)
    async with kit.keyring(kit.settings(tmp_path)) as other:
        places = Places("https://own", (kit.address(other),))
        files = (bytes([number]) * 32 for number in range(100))
        file = next(file for file in files if in_order(file, (places.own, *places.peers))[0] != places.own)
        count = Counting(keyring.replica, places)
        assert await count.count(file, b"r1", 1, 2_000_000_000) == 1
        with pytest.raises(Refusal, match="ReleasesExhausted"):
            await count.count(file, b"r2", 1, 2_000_000_000)


@pytest.mark.parametrize("tag", [b"", bytes(32), None], ids=["none", "wrong", "of another identity"])
async def test_only_holders_of_the_identity_count(keyring: Keyring, tag: bytes | None) -> None:
    stranger = Counting(keyring.replica, Places("", ()))
    request = CountRequest(b"f" * 32, b"r", 1, 2_000_000_000, decide=False, tag=tag or b"")
    if tag is None:
        async with kit.keyring(keyring.settings) as other:
            foreign = Counting(other.replica, Places("", ()))
            request = structs.replace(request, tag=foreign._tag(request))
    async with Channel(kit.address(keyring), verifying(lambda: 0.0)) as channel:
        with pytest.raises(Denied, match="SignatureRefused"):
            await channel.ask("/v1/count", request, CountAnswer)
    assert len(keyring.replica.releases) == 0
    own = structs.replace(request, tag=stranger._tag(request))
    assert stranger.answer(own).count == 0
    with pytest.raises(Refusal, match="SignatureRefused"):
        stranger.answer(structs.replace(own, decide=True))


def test_another_file_is_another_replicas_to_decide() -> None:
    places = ["https://a", "https://b", "https://c"]
    firsts = {in_order(bytes([number]) * 32, places)[0] for number in range(32)}
    assert firsts == set(places)
    assert in_order(b"f" * 32, places) == in_order(b"f" * 32, places[::-1])


def test_what_is_handed_over_fits_into_an_answer() -> None:
    releases = Releases()
    releases.take(Count(number.to_bytes(32, "big"), (bytes(32),), number) for number in range(TOLD + 10))
    told = releases.tell()
    assert (len(told), told[0].expires) == (TOLD, TOLD + 9)
    key = X25519PrivateKey.generate().private_bytes_raw()
    assert len(msgspec.json.encode((key, told))) < 1 << 20
