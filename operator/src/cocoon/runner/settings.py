"""What the runner is told by its environment, read once at start; every mistake is a sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from cocoon.api.durations import parse_duration
from cocoon.api.environment import Address, Reader, address, flag
from cocoon.attest.hardware import Choice, read_choice
from cocoon.attest.opening import read_places

#: What a ConfigMap output may hold; etcd refuses objects over 1.5 MiB and the answers are not alone in theirs.
MAXIMUM_CONFIGMAP_BYTES: Final = 512 * 1024


class Settings(Struct, frozen=True, kw_only=True):
    """The runner's settings; sizes in bytes, durations in seconds. docs/reference/runner-api.md describes each."""

    payee: str
    provider_uid: str
    operator_certificates: str
    triton_grpc: str
    triton_control_key: str
    triton_metrics: str = "127.0.0.1:8002"
    models: Path
    sources: Path
    journal: Path
    credentials: Path
    namespace: str
    allow_private_addresses: bool
    test_roots: bool
    collector: Choice = "auto"
    gpus: int = 0
    """How many GPUs Triton's container has."""
    collateral: tuple[str, ...] = ("vendors",)
    """Where the vendors' word on a keyring's hardware comes from, as `cocoon.attest.opening` reads it."""
    ca_bundle: str
    """PEM certificates that are trusted besides the public ones; empty if there are none."""
    proxy: str
    no_proxy: tuple[str, ...]
    maximum_item_bytes: int
    maximum_items: int
    maximum_output_bytes: int
    api: Address
    health: Address
    grace: int


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in this environment. Raises SettingsError with all mistakes, one a line."""
    source = Reader(environment)
    settings = Settings(
        payee=source.text("COCOON_PAYEE"),
        provider_uid=source.text("COCOON_PROVIDER_UID"),
        operator_certificates=_certificates(source, "COCOON_OPERATOR_CERTIFICATES"),
        triton_grpc=source.text("COCOON_TRITON_GRPC", "127.0.0.1:8001"),
        triton_metrics=source.text("COCOON_TRITON_METRICS", "127.0.0.1:8002"),
        triton_control_key=source.text("COCOON_TRITON_CONTROL_KEY", ""),
        models=source.get("COCOON_MODELS_DIR", _folder, "/models"),
        sources=source.get("COCOON_SOURCES_DIR", Path, "/sources"),
        journal=source.get("COCOON_JOURNAL_DIR", _folder, "/journal"),
        credentials=source.get("COCOON_CREDENTIALS_DIR", Path, "/credentials"),
        namespace=source.text("COCOON_NAMESPACE", ""),
        allow_private_addresses=source.get("COCOON_ALLOW_PRIVATE_ADDRESSES", flag, ""),
        test_roots=source.get("COCOON_TEST_ROOTS", flag, ""),
        collateral=source.get("COCOON_COLLATERAL", read_places, "vendors"),
        collector=source.get("COCOON_COLLECTOR", read_choice, "auto"),
        gpus=source.get("COCOON_GPUS", _number, "0"),
        ca_bundle=source.get("COCOON_CA_BUNDLE", _bundle, ""),
        proxy=source.text("HTTPS_PROXY", ""),
        no_proxy=source.get("NO_PROXY", _names, ""),
        maximum_item_bytes=source.get("COCOON_MAXIMUM_ITEM_BYTES", _count, str(1 << 20)),
        maximum_items=source.get("COCOON_MAXIMUM_ITEMS", _count, "10000000"),
        maximum_output_bytes=source.get("COCOON_MAXIMUM_OUTPUT_BYTES", _count, str(64 << 30)),
        api=source.get("COCOON_API_ADDRESS", address, "0.0.0.0:8443"),
        health=source.get("COCOON_HEALTH_ADDRESS", address, "0.0.0.0:9090"),
        grace=source.get("COCOON_GRACE", parse_duration, "30m"),
    )
    source.check()
    return settings


def _certificates(source: Reader, name: str) -> str:
    """Required PEM."""
    text = source.text(name)
    if text and "-----BEGIN CERTIFICATE-----" not in text:
        source.mistakes.append(f"{name} must hold certificates in PEM.")
    return text


def _bundle(text: str) -> str:
    """PEM, given as it is or as the path of a file."""
    if not text or "-----BEGIN CERTIFICATE-----" in text:
        return text
    try:
        return Path(text).read_text()
    except OSError as error:
        raise ValueError(f"{text!r} is neither PEM nor a file that can be read ({error.strerror})") from None


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError(f"{text!r} is not an absolute path")
    return path


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{text!r} is not a positive whole number")
    return int(text)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def from_process() -> Settings:
    """The settings of this process."""
    return read(os.environ)
