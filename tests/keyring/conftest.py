"""One keyring, one client, one runner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cocoon.keyring.process import Keyring
from tests.keyring import kit


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    async with kit.keyring(kit.settings(tmp_path)) as found:
        yield found


@pytest.fixture
def client(keyring: Keyring) -> kit.Client:
    return kit.Client(keyring)


@pytest.fixture
def runner(keyring: Keyring) -> kit.Runner:
    return kit.Runner(keyring)
