"""How a payout service was set up: one YAML file, read once. Secrets are named by their files and never stand in it.

A setting that isn't known is an error: a cap that was mistyped would be no cap.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from cocoon.api.money import Price, parse_nanoton
from cocoon.api.provider import GpuMode
from cocoon.api.trust import Trust
from cocoon.attest.policy import GpuTerms
from cocoon.payout.archive import Archive, FolderArchive, S3Settings
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.payout.terms import Terms

Right = Literal["report", "read", "administer"]
_Amount = Annotated[str, Meta(pattern="^(0|[1-9][0-9]{0,18})$")]


class BadSettings(Exception):
    """The settings can't work; the message says which and why."""


class Caller(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One identity of a cluster, such as `system:serviceaccount:cocoon-system:cocoon-fleet`, and its rights."""

    subject: str
    rights: tuple[Right, ...]


class KeySource(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where a cluster's public keys are: a file, or an address with the CA and the token that it takes."""

    file: str = ""
    url: str = ""
    ca_file: str = ""
    token_file: str = ""


class ClusterSettings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A cluster by the id that its receipts carry, the `iss` of its tokens, its keys, and who may call from there."""

    id: str
    issuer: str
    keys: KeySource
    callers: tuple[Caller, ...]


class ChainSettings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The chain by its global configuration (JSON). `development` lists zero states (root hash, hex) of play money."""

    global_config: str
    development: tuple[str, ...] = ()


class PolicySettings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is accepted and paid. Amounts in nanoTON; seconds.

    `collateral` is where the vendors' word on hardware comes from, asked in order: `vendors`, addresses of mirrors, or
    folders; `collateral_cache` a folder for copies (docs/concepts/confidentiality.md).
    """

    trust: Trust = Trust.HARDWARE
    measurements: tuple[str, ...] = ()
    require_gpu: bool = True
    gpu_modes: tuple[GpuMode, ...] = GpuTerms().modes
    collateral: tuple[str, ...] = ("vendors",)
    collateral_cache: str = ""
    price_caps: dict[str, Price] = {}
    daily_cap: _Amount = str(MOST_NANOTON)
    daily_cap_per_provider: _Amount = str(MOST_NANOTON)
    fee_basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 500
    late_evidence: float = 86_400.0
    fastest: int = 10_000_000


class HttpSettings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where to listen. With a certificate and key (PEM files) calls come over TLS."""

    host: str = "0.0.0.0"  # noqa: S104 - calls come from outside of the Pod
    port: int = 8080
    certificate_file: str = ""
    key_file: str = ""


class Settings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Everything. The database is `database`, or the first line of `database_file` if its URL holds a password.

    What moves money is archived in the folder `archive`, or in the bucket `archive_bucket`.
    """

    chain: ChainSettings
    archive: str = ""
    archive_bucket: S3Settings | None = None
    database: str = ""
    database_file: str = ""
    clusters: tuple[ClusterSettings, ...] = ()
    policy: PolicySettings = PolicySettings()
    http: HttpSettings = HttpSettings()
    payments: PaymentSettings | None = None
    audience: str = "cocoon-payout"
    log_level: str = "INFO"

    @property
    def database_url(self) -> str:
        """Where the books are. Raises BadSettings."""
        if not self.database_file:
            return self.database
        try:
            return Path(self.database_file).read_text().strip()
        except OSError as error:
            raise BadSettings(f"databaseFile: {error.strerror}: {self.database_file}") from None


def read_settings(path: Path) -> Settings:
    """Settings from a file. Raises BadSettings."""
    try:
        settings = msgspec.yaml.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BadSettings(f"{path}: {error}") from None
    if not (settings.database or settings.database_file):
        raise BadSettings("database: give the database's URL, or databaseFile with it.")
    if bool(settings.archive) == bool(settings.archive_bucket):
        raise BadSettings("archive: give a folder, or archiveBucket instead.")
    if len({cluster.id for cluster in settings.clusters}) < len(settings.clusters):
        raise BadSettings("clusters: two have the same id.")
    return settings


def open_archive(settings: Settings) -> Archive:
    """Where the settings say. Raises BadSettings."""
    if settings.archive_bucket is None:
        return FolderArchive(Path(settings.archive))
    from cocoon.payout.archive_s3 import S3Archive  # noqa: PLC0415 - a large library that most services never need

    try:
        return S3Archive(settings.archive_bucket)
    except ValueError as error:
        raise BadSettings(str(error)) from None


def zero_state(global_config: Path) -> str:
    """The root hash of a chain's zero state, in hex: what makes it this chain. Raises BadSettings."""
    try:
        found = msgspec.json.decode(global_config.read_bytes())
        return base64.b64decode(found["validator"]["zero_state"]["root_hash"]).hex()
    except OSError as error:
        raise BadSettings(f"chain.globalConfig: {error.strerror}: {global_config}") from None
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        raise BadSettings(f"chain.globalConfig: {global_config} is no global configuration of a TON chain.") from None


def terms_of(settings: Settings, chain: str) -> Terms:
    """The policy as the rules use it; `chain` is the zero state. Raises BadSettings."""
    policy = settings.policy
    try:
        for price in policy.price_caps.values():
            price.rates()
    except ValueError as error:
        raise BadSettings(f"policy.priceCaps: {error}") from None
    return Terms(
        trust=policy.trust,
        development=chain in settings.chain.development,
        measurements=policy.measurements,
        require_gpu=policy.require_gpu,
        gpu_modes=policy.gpu_modes,
        price_caps=policy.price_caps,
        daily_cap=parse_nanoton(policy.daily_cap),
        daily_cap_per_provider=parse_nanoton(policy.daily_cap_per_provider),
        fee_basis_points=policy.fee_basis_points,
        late_evidence=policy.late_evidence,
        fastest=policy.fastest,
    )
