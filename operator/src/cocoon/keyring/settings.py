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
from urllib.parse import urlsplit

from msgspec import Struct

from cocoon.api.durations import parse_duration
from cocoon.api.environment import Address, Reader, address, flag
from cocoon.attest import terms
from cocoon.attest.hardware import Choice, read_choice
from cocoon.attest.opening import read_places


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
    source = Reader(environment)
    name, chosen = source.text("COCOON_KEYRING_NAME", ""), _terms(source)
    replicas = _replicas(source)
    settings = Settings(
        terms=chosen,
        peers=tuple(peer for peer in replicas if not _is(peer, name)),
        own=next((peer for peer in replicas if _is(peer, name)), ""),
        founder=source.get("COCOON_KEYRING_FOUNDER", lambda text: flag(text) if text else name.endswith("-0"), ""),
        patience=source.get("COCOON_KEYRING_PATIENCE", parse_duration, "2m"),
        test_roots=source.get("COCOON_TEST_ROOTS", flag, ""),
        collector=source.get("COCOON_COLLECTOR", read_choice, "auto"),
        collateral=source.get("COCOON_COLLATERAL", read_places, "vendors"),
        api=source.get("COCOON_API_ADDRESS", address, "0.0.0.0:8443"),
        health=source.get("COCOON_HEALTH_ADDRESS", address, "0.0.0.0:9090"),
    )
    source.check()
    return settings


def _terms(source: Reader) -> str:
    path = source.text("COCOON_KEYRING_TERMS", "")
    try:
        text = Path(path).read_text(encoding="utf-8") if path else ""
        terms.read(text)
    except (OSError, UnicodeError, terms.TermsError) as error:
        source.mistakes.append(f"COCOON_KEYRING_TERMS: {path or 'not set'}: {error}")
        return ""
    return text


def _replicas(source: Reader) -> list[str]:
    peers = [peer.strip() for peer in source.text("COCOON_KEYRING_PEERS", "").split(",") if peer.strip()]
    wrong = (peer for peer in peers if not peer.startswith("https://"))
    source.mistakes.extend(f"COCOON_KEYRING_PEERS: {peer} is no https address." for peer in wrong)
    return peers


def _is(peer: str, name: str) -> bool:
    """Whether this is the address of the Pod with this name."""
    return bool(name) and (urlsplit(peer).hostname or "").partition(".")[0] == name


def from_process() -> Settings:
    """The settings of this process."""
    return read(os.environ)
