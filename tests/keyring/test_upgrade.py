"""Another version of the keyring beside the old one: each opens what was sealed to it, until the old one goes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cocoon.api.sealing import KeyringPlace
from cocoon.attest import sealing
from cocoon.attest.age import header as headers
from cocoon.attest.age import wrapping
from cocoon.attest.channel import verifying
from cocoon.attest.collect import SoftwareCollector
from cocoon.fleet.keyring_watch import KeyringWatch
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.ports.clock import MachineClock
from cocoon.fleet.ports.keyring import AttestedKeyrings
from cocoon.runner.endings import SEALED_TO_LOST_KEY, Stopped
from cocoon.runner.keyrings import Keyrings
from cocoon.runner.keys import make_keys
from tests.keyring import kit

JUDGE = verifying(time.time)


class Fleet:
    """An operator that is told of keyrings, and a runner that it tells of them."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._mirror = Mirror(Snapshot(), {}, Metrics())
        self._watch = KeyringWatch(self._mirror, MachineClock(), addresses, [], 15.0)
        self.runner = Keyrings(
            keys=make_keys(datetime.now(UTC)),
            collector=SoftwareCollector(),
            payee="UQpayee",
            judge=JUDGE,
            test_roots=True,
        )

    async def look(self) -> str:
        """Whom jobs are to be sealed to now, by its epoch."""
        await self._watch.look(AttestedKeyrings(JUDGE, (), allow_test_roots=True))
        current = self._mirror.snapshot.keyrings.current
        assert current is not None
        return current.epoch

    async def opens(self, header: bytes) -> bool:
        """Whether the runner gets this file's key. Raises Stopped."""
        known = self._mirror.snapshot.keyrings.known
        places = [KeyringPlace(each.address, each.epoch) for each in known]
        fresh = await self.runner.release(places, header, sealing.policy_of(headers.parse(header)))
        return bool(wrapping.unwrap(headers.parse(fresh), [self.runner.keys.sealing]).file_key)


async def test_what_was_sealed_before_an_upgrade_is_opened_until_the_old_keyring_goes(tmp_path: Path) -> None:
    async with AsyncExitStack() as old_life, kit.keyring(kit.settings(tmp_path)) as new:
        old = await old_life.enter_async_context(kit.keyring(kit.settings(tmp_path)))
        before = Fleet([kit.address(old)])
        assert await before.look() == old.replica.identities.current.epoch
        header, late = (kit.Client(old).header() for _ in range(2))

        after = Fleet([kit.address(new), kit.address(old)])
        assert await after.look() == new.replica.identities.current.epoch, "new jobs are sealed to the new one"
        assert await after.opens(header)
        assert await after.opens(kit.Client(new).header())

        await old_life.aclose()
        dropped = Fleet([kit.address(new)])
        assert await dropped.look() == new.replica.identities.current.epoch
        assert await dropped.opens(kit.Client(new).header())
        with pytest.raises(Stopped) as caught:
            await dropped.opens(late)
        assert caught.value.code == SEALED_TO_LOST_KEY


async def test_a_new_keyring_that_does_not_come_up_leaves_jobs_with_the_old_one(tmp_path: Path) -> None:
    async with kit.keyring(kit.settings(tmp_path)) as old:
        fleet = Fleet([kit.NOWHERE, kit.address(old)])
        assert await fleet.look() == old.replica.identities.current.epoch
        assert await fleet.opens(kit.Client(old).header())
