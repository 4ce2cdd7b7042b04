"""The operator and keyrings: who it believes, what it remembers of one that is silent, and what runners are told."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest

from cocoon.attest.channel import verifying
from cocoon.fleet.keyring_watch import KeyringWatch
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.records import Keyring as Known
from cocoon.fleet.plan.records import Keyrings
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.ports.clock import MachineClock
from cocoon.fleet.ports.failures import Busy, Failure, Refused
from cocoon.fleet.ports.keyring import AttestedKeyrings
from cocoon.keyring.process import Keyring
from tests.keyring import kit


def port(*, measurements: tuple[str, ...] = (), allow_test_roots: bool = True) -> AttestedKeyrings:
    return AttestedKeyrings(verifying(time.time), measurements, allow_test_roots=allow_test_roots)


async def test_a_keyring_is_asked_who_it_is(keyring: Keyring) -> None:
    found = await port().ask(kit.address(keyring))
    identity = keyring.replica.identities.current
    assert (found.recipient, found.epoch, found.answers) == (identity.recipient, identity.epoch, True)
    assert len(found.evidence) == 64


async def test_keyrings_that_are_not_believed(keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="development root"):
        await port(allow_test_roots=False).ask(kit.address(keyring))
    with pytest.raises(Refused, match="measurement"):
        await port(measurements=("another",)).ask(kit.address(keyring))
    with pytest.raises(Busy):
        await port().ask(kit.NOWHERE)
    async with kit.keyring(kit.settings(tmp_path), begun=False) as waiting:
        with pytest.raises(Busy, match="no identity yet"):
            await port().ask(kit.address(waiting))


class Told:
    """A port that answers what the test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Known | Failure] = {}

    async def ask(self, address: str) -> Known:
        answer = self.answers[address]
        if isinstance(answer, Failure):
            raise answer
        return answer


async def test_a_silent_keyring_is_remembered_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    mirror, told = Mirror(Snapshot(), {}, Metrics()), Told()
    watch = KeyringWatch(mirror, MachineClock(), ["https://a", "https://b"], ["m"], 15.0)
    here = Known("https://a", "e1", "age1a", "d", answers=True)
    told.answers = {"https://a": here, "https://b": Busy("It does not answer.")}
    await watch.look(told)
    await watch.look(told)
    assert mirror.snapshot.keyrings == Keyrings((here, Known("https://b")), ("m",))
    assert len(caplog.records) == 2
    told.answers["https://a"] = Busy("It does not answer.")
    await watch.look(told)
    assert mirror.snapshot.keyrings.known[0].epoch == "e1"
    assert not mirror.snapshot.keyrings.answer
    assert len(caplog.records) == 3


async def test_nobody_is_asked_where_there_is_no_keyring() -> None:
    watch = KeyringWatch(Mirror(Snapshot(), {}, Metrics()), MachineClock(), [], [], 0.0)
    await asyncio.wait_for(watch.run(Told()), 1)
