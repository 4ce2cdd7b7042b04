"""Settings, addresses and the spool: where the world comes in."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.api.environment import Address, SettingsError
from cocoon.runner.addresses import is_public
from cocoon.runner.endings import Stopped
from cocoon.runner.settings import read
from cocoon.runner.spool import BUFFER, Spool

REQUIRED = {
    "COCOON_PAYEE": "UQ",
    "COCOON_PROVIDER_UID": "uid",
    "COCOON_OPERATOR_CERTIFICATES": "-----BEGIN CERTIFICATE-----",
}


def test_defaults() -> None:
    settings = read(REQUIRED)
    assert (settings.api, settings.health) == (Address("0.0.0.0", 8443), Address("0.0.0.0", 9090))
    assert (settings.maximum_item_bytes, settings.grace, settings.test_roots) == (1 << 20, 1800, False)


def test_every_mistake_is_told_at_once() -> None:
    wrong = {
        "COCOON_GRACE": "soon",
        "COCOON_MODELS_DIR": "models",
        "COCOON_TEST_ROOTS": "perhaps",
        "COCOON_MAXIMUM_ITEMS": "0",
        "COCOON_API_ADDRESS": "8443",
        "COCOON_CA_BUNDLE": "/nowhere",
        "COCOON_OPERATOR_CERTIFICATES": "none",
    }
    with pytest.raises(SettingsError) as caught:
        read(wrong)
    lines = str(caught.value).splitlines()
    assert {line.split(":")[0].split(" ")[0] for line in lines} == {*wrong, "COCOON_PAYEE", "COCOON_PROVIDER_UID"}
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("address", ["[::]:8443", "0.0.0.0:8443"])
def test_addresses_to_listen_on(address: str) -> None:
    assert read(REQUIRED | {"COCOON_API_ADDRESS": address}).api.port == 8443


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "64:ff9b::a00:1", "2002:7f00:1::", "2130706433", "127.1", "localhost", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


async def test_a_spool_is_the_same_in_memory_and_on_disk(tmp_path: Path) -> None:
    small, large = Spool(tmp_path / "small", 1 << 30), Spool(tmp_path / "large", 1 << 30)
    line = b"x" * 1023 + b"\n"
    for _ in range(3 * BUFFER // len(line)):
        small.append(line)
        large.append(line)
        if large.full:
            await large.flush()
    assert (tmp_path / "large").stat().st_size == 3 * BUFFER
    assert b"".join([chunk async for chunk in large.chunks()]) == small.text().encode()
    assert (large.digest, large.size) == (small.digest, small.size)
    large.discard()
    assert not (tmp_path / "large").exists()


def test_a_spool_has_a_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 10)
    spool.append(b"x" * 10)
    with pytest.raises(Stopped, match="OutputTooLarge"):
        spool.append(b"x")


async def test_a_spool_on_a_full_disk_interrupts(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "gone" / "spool", 1 << 30)
    spool.append(b"x")
    with pytest.raises(Stopped) as caught:
        await spool.flush()
    assert (caught.value.code, caught.value.outcome) == ("SpoolUnavailable", "Interrupted")
