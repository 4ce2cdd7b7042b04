"""A running payout service, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.payout import kit


@pytest.fixture
async def world(tmp_path: Path, database: str) -> AsyncIterator[kit.World]:
    """On an empty database of each kind."""
    async with kit.world(tmp_path, database) as found:
        yield found


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[kit.World]:
    """On SQLite alone, for what no database has a part in."""
    async with kit.world(tmp_path, f"sqlite:///{tmp_path / 'books.sqlite'}") as found:
        yield found
