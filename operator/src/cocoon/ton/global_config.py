"""The standard configuration of TON clients (`global.config.json`): lite-servers, and where all trust begins."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from cocoon.ton.chain import ZeroState


class BadConfig(ValueError):
    """A file is no `global.config.json`, or not of the chain that was expected; the message is a sentence."""


class _Key(Struct):
    key: str


class _LiteServer(Struct):
    ip: int
    port: int
    id: _Key


class _Block(Struct):
    root_hash: str
    file_hash: str


class _Validator(Struct):
    zero_state: _Block


class _Content(Struct):
    liteservers: list[_LiteServer]
    validator: _Validator


class GlobalConfig(Struct, frozen=True):
    """One chain. `names` are its lite-servers, `address:port`; `content` is the whole file as tonlib takes it."""

    names: tuple[str, ...]
    zero_state: ZeroState
    content: dict[str, Any]

    def of_server(self, index: int) -> dict[str, Any]:
        """The same for one lite-server only."""
        return {**self.content, "liteservers": [self.content["liteservers"][index]]}


def load_global_config(path: Path) -> GlobalConfig:
    """Read a file. Raises BadConfig."""
    try:
        return parse_global_config(path.read_bytes())
    except OSError as error:
        raise BadConfig(f"{path} can't be read: {error.strerror}.") from error


def parse_global_config(content: bytes) -> GlobalConfig:
    """Read a file's content. Raises BadConfig."""
    try:
        whole = msgspec.json.decode(content, type=dict[str, Any])
        parsed = msgspec.convert(whole, _Content)
        zero = ZeroState(_hash(parsed.validator.zero_state.root_hash), _hash(parsed.validator.zero_state.file_hash))
        names = tuple(_name(server) for server in parsed.liteservers)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise BadConfig(f"This is no global.config.json: {error}.") from error
    if not names:
        raise BadConfig("The configuration names no lite-server: add one to `liteservers`.")
    return GlobalConfig(names, zero, whole)


def _hash(text: str) -> bytes:
    found = base64.b64decode(text, validate=True)
    if len(found) != 32:
        raise ValueError(f"a hash has 32 bytes, not {len(found)}")
    return found


def _name(server: _LiteServer) -> str:
    """The address is stored as a signed number."""
    return f"{socket.inet_ntoa((server.ip & 0xFFFFFFFF).to_bytes(4))}:{server.port}"
