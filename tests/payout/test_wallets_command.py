"""`wallets`: which addresses an administrator funds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from cocoon.payout.__main__ import main
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.ton.highload import wallet_of
from tests.payout import kit

SEED = bytes(range(32))


def ask(folder: Path, payments: PaymentSettings | None) -> int:
    settings = structs.replace(kit.settings(folder, "sqlite:///unused", kit.SignedBy()), payments=payments)
    config = folder / "payout.yaml"
    config.write_bytes(msgspec.yaml.encode(settings))
    return main(["--config", str(config), "wallets"])


def test_each_lane_has_its_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_text(SEED.hex())
    assert ask(tmp_path, PaymentSettings(key_file=str(key), lanes=2, first_subwallet=7, timeout=600)) == 0
    signer = Ed25519PrivateKey.from_private_bytes(SEED)
    printed = capsys.readouterr().out.split()
    assert printed == [wallet_of(signer, subwallet, 600).address.friendly() for subwallet in (7, 8)]


def test_nothing_to_fund_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(tmp_path, None) == 1
    assert ask(tmp_path, PaymentSettings(key_file=str(tmp_path / "missing"))) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "nobody is paid" in first
    assert "can't be read" in second
