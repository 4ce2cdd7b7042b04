"""The demo's keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.api.ton_address import parse_address
from demo import wallets
from demo.cluster import DemoCluster


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DemoCluster:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = DemoCluster("test")
    made.state.root.mkdir(parents=True)
    return made


def test_the_owners_wallet_is_an_address_for_tests_and_stays_the_same(cluster: DemoCluster) -> None:
    address = wallets.owner(cluster)
    assert parse_address(address.friendly()).test_only
    assert wallets.owner(cluster) == address


def test_the_keys_are_two_and_nobody_else_reads_them(cluster: DemoCluster) -> None:
    wallets.owner(cluster)
    hot = bytes.fromhex(wallets.secret(cluster)["stringData"]["key"])
    files = list(cluster.state.root.rglob("*.key"))
    assert len({file.read_bytes() for file in files}) == 2
    assert hot in [file.read_bytes() for file in files]
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
