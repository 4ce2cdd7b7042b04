"""What the keyring is told by its environment, read once at start; every mistake is a sentence.

| variable | means |
|---|---|
| `COCOON_KEYRING_TERMS` | path of the terms (JSON): what runners and other keyrings must show |
| `COCOON_KEYRING_PEERS` | https addresses of all replicas, separated by commas; empty for a keyring of one |
| `COCOON_KEYRING_NAME` | this Pod's name: the address that begins with it is left out; `…-0` may begin an epoch |
| `COCOON_KEYRING_FOUNDER` | `true` or `false`, to say otherwise who may begin an epoch |
| `COCOON_KEYRING_PATIENCE` | how long a silent peer is waited for before an epoch is begun; default 2m |
| `COCOON_COLLECTOR` | `auto` (default), `tee` or `software`: where its own evidence comes from |
| `COCOON_COLLATERAL` | where the vendors' word on hardware comes from: `vendors` (default), mirrors, folders |
| `COCOON_TEST_ROOTS` | `true` where development evidence may be shown; the terms say what is accepted |
| `COCOON_API_ADDRESS`, `COCOON_HEALTH_ADDRESS` | where to listen; default 0.0.0.0:8443 and 0.0.0.0:9090 |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from cocoon.api.durations import parse_duration
from cocoon.attest import terms
from cocoon.attest.hardware import Choice
from cocoon.attest.opening import read_places

_FLAGS: Final = {"": False, "false": False, "true": True}


class SettingsError(ValueError):
    """The environment is not what it must be; the message has one line per mistake."""


class Address(Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int


class Settings(Struct, frozen=True, kw_only=True):
    """The keyring's settings; `terms` is the text itself, `patience` in seconds."""

    terms: str
    peers: tuple[str, ...]
    own: str
    """This replica's own address as its peers know it; empty without COCOON_KEYRING_NAME."""
    founder: bool
    patience: int
    test_roots: bool
    collector: Choice
    collateral: tuple[str, ...]
    api: Address
    health: Address


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in this environment. Raises SettingsError with all mistakes, one a line."""
    mistakes: list[str] = []
    name = environment.get("COCOON_KEYRING_NAME", "")
    text = _terms(environment.get("COCOON_KEYRING_TERMS", ""), mistakes)
    replicas = _replicas(environment.get("COCOON_KEYRING_PEERS", ""), mistakes)
    settings = Settings(
        terms=text,
        peers=tuple(peer for peer in replicas if not _is(peer, name)),
        own=next((peer for peer in replicas if _is(peer, name)), ""),
        founder=_flag("COCOON_KEYRING_FOUNDER", environment, mistakes, otherwise=name.endswith("-0")),
        patience=_patience(environment.get("COCOON_KEYRING_PATIENCE", "2m"), mistakes),
        test_roots=_flag("COCOON_TEST_ROOTS", environment, mistakes),
        collector=_collector(environment.get("COCOON_COLLECTOR", "auto"), mistakes),
        collateral=_collateral(environment.get("COCOON_COLLATERAL", "vendors"), mistakes),
        api=_address("COCOON_API_ADDRESS", environment.get("COCOON_API_ADDRESS", "0.0.0.0:8443"), mistakes),
        health=_address("COCOON_HEALTH_ADDRESS", environment.get("COCOON_HEALTH_ADDRESS", "0.0.0.0:9090"), mistakes),
    )
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _terms(path: str, mistakes: list[str]) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8") if path else ""
        terms.read(text)
    except (OSError, UnicodeError, terms.TermsError) as error:
        mistakes.append(f"COCOON_KEYRING_TERMS: {path or 'not set'}: {error}")
        return ""
    return text


def _replicas(text: str, mistakes: list[str]) -> list[str]:
    peers = [peer.strip() for peer in text.split(",") if peer.strip()]
    mistakes.extend(f"COCOON_KEYRING_PEERS: {peer} is no https address." for peer in peers if peer[:8] != "https://")
    return peers


def _is(peer: str, name: str) -> bool:
    """Whether this is the address of the Pod with this name."""
    return bool(name) and (urlsplit(peer).hostname or "").partition(".")[0] == name


def _collector(text: str, mistakes: list[str]) -> Choice:
    try:
        return msgspec.convert(text, Choice)  # type: ignore[no-any-return]  # a Literal is a type to msgspec
    except msgspec.ValidationError:
        mistakes.append(f"COCOON_COLLECTOR: {text!r} is not auto, tee or software.")
        return "auto"


def _collateral(text: str, mistakes: list[str]) -> tuple[str, ...]:
    try:
        return read_places(text)
    except ValueError as error:
        mistakes.append(f"COCOON_COLLATERAL: {error}")
        return ()


def _flag(name: str, environment: Mapping[str, str], mistakes: list[str], *, otherwise: bool = False) -> bool:
    text = environment.get(name, "").lower()
    if text not in _FLAGS:
        mistakes.append(f"{name}: {text!r} is neither true nor false.")
    return _FLAGS.get(text, False) if text else otherwise


def _patience(text: str, mistakes: list[str]) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        mistakes.append(f"COCOON_KEYRING_PATIENCE: {error}.")
        return 0


def _address(name: str, text: str, mistakes: list[str]) -> Address:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or not int(port) < 65_536:
        mistakes.append(f"{name}: {text!r} is not HOST:PORT.")
        return Address("", 0)
    return Address(host.strip("[]"), int(port))


def from_process() -> Settings:
    """The settings of this process."""
    return read(os.environ)
