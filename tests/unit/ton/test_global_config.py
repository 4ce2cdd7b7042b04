"""The clients' configuration file, good and bad."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cocoon.ton.global_config import BadConfig, load_global_config, parse_global_config

HASH = base64.b64encode(b"\1" * 32).decode()
SERVER = {"ip": 2130706433, "port": 14500, "id": {"@type": "pub.ed25519", "key": HASH}}
GOOD: dict[str, Any] = {
    "@type": "config.global",
    "dht": {"ignored": True},
    "liteservers": [SERVER, {**SERVER, "ip": -1, "port": 1}],
    "validator": {"zero_state": {"workchain": -1, "seqno": 0, "root_hash": HASH, "file_hash": HASH}},
}


def test_it_names_its_servers_and_its_chain() -> None:
    config = parse_global_config(msgspec.json.encode(GOOD))
    assert config.names == ("127.0.0.1:14500", "255.255.255.255:1")
    assert config.zero_state.root_hash == b"\1" * 32


def test_a_client_of_one_server_gets_the_rest_unchanged() -> None:
    config = parse_global_config(msgspec.json.encode(GOOD))
    assert config.of_server(1) == {**GOOD, "liteservers": [GOOD["liteservers"][1]]}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{}",
        msgspec.json.encode({**GOOD, "liteservers": []}),
        msgspec.json.encode({**GOOD, "liteservers": [{"ip": "localhost"}]}),
        msgspec.json.encode({**GOOD, "validator": {}}),
        msgspec.json.encode({**GOOD, "validator": {"zero_state": {"root_hash": "AAAA", "file_hash": HASH}}}),
        msgspec.json.encode({**GOOD, "validator": {"zero_state": {"root_hash": "%%%%", "file_hash": HASH}}}),
    ],
)
def test_a_bad_file_is_one_error(bad: bytes) -> None:
    with pytest.raises(BadConfig):
        parse_global_config(bad)


def test_a_missing_file_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="can't be read"):
        load_global_config(tmp_path / "none.json")
